// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server on libwebsockets, ported to wsclose: one include, one member, one changed table line, and
// what it now can do. Listens on the port that it is given; try it with any WebSocket client.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <wsclose/lws.hpp>

struct session {
    wsclose::connection ws;

    void on_close(const wsclose::close_report &report) { // once for each connection, however it ended
        wsclose::log_report(report, "chat");
    }
};

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_RECEIVE) {
        const std::string_view message(static_cast<const char *>(in), len);
        if (message == "bye")
            s->ws.close(wsclose::close_code::normal_closure, "see you"); // from any callback or timer
        if (len > 1000)
            s->ws.close(wsclose::frame<wsclose::close_code::message_too_big>("1000 bytes at most"));
    }
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = count > 1 ? std::atoi(arguments[1]) : 7681;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
