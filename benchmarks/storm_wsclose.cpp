// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The storm with wsclose.

#include <string_view>

#include <wsclose/lws.hpp>

#include "storm.hpp"

static wsclose::connection_list servers, clients;

static std::string_view body_of(const wsclose::close_frame *frame) {
    return frame ? std::string_view(frame->data(), frame->size()) : std::string_view();
}

struct session {
    wsclose::connection             ws;
    wsclose::connection_list::entry listed;

    void on_close(const wsclose::close_report &report) {
        storm::ended(body_of(report.sent()), body_of(report.received()));
    }
};

static int callback_storm(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    auto *const s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        ++storm::seen.opened;
        (reason == LWS_CALLBACK_ESTABLISHED ? servers : clients).add(s->ws, s->listed);
    }
    return 0;
}

int main(int, char **arguments) {
    static const lws_protocols protocols[] = {
        {"storm", wsclose::tracked<callback_storm, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
        {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
    return storm::run(protocols, arguments, [](bool of_servers) {
        (of_servers ? servers : clients).close_all(wsclose::close_code{storm::code}, storm::text);
    });
}
