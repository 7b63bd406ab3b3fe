// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// As tracked_lws.cpp, with wsclose.

#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/log.hpp>
#include <wsclose/lws/tracked.hpp>

#include "program.hpp"

struct session {
    wsclose::connection ws;

    void on_close(const wsclose::close_report &report) { wsclose::log_report(report, "chat"); }
};

static int callback_chat(lws *, lws_callback_reasons reason, void *user, void *in, size_t len) {
    if (reason == LWS_CALLBACK_RECEIVE)
        static_cast<session *>(user)->ws.close(wsclose::close_code{4001}, {static_cast<const char *>(in), len});
    return 0;
}

int main() { return serve(wsclose::tracked<callback_chat, &session::ws>, sizeof(session)); }
