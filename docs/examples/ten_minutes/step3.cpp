// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Step 3: it closes by wsclose, too. No lws * is kept, and no code is cast.

#include <string>

#include <wsclose/lws.hpp>

#include "serve.hpp"

enum class echo_code { kicked = 4001, idle = 4002 };

template <>
struct wsclose::close_code_traits<echo_code> {
    static constexpr wsclose::named_code<echo_code> codes[] = {{echo_code::kicked, "kicked"},
                                                               {echo_code::idle, "idle"}};
};

struct session {
    wsclose::connection ws;

    unsigned char echo[LWS_PRE + 100];
    size_t        length;

    void on_close(const wsclose::close_report &report) { wsclose::log_report<echo_code>(report, "echo"); }
};

static wsclose::connection_ref newest; // empty once that connection has ended

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: newest = wsclose::connection_ref(s->ws); break;
    case LWS_CALLBACK_RECEIVE: {
        const std::string message(static_cast<const char *>(in), len);
        if (message == "bye")
            s->ws.close(wsclose::close_code::normal_closure, "see you");
        if (message == "kick")
            newest.close(echo_code::kicked, "by another user");
        if (len > sizeof s->echo - LWS_PRE) {
            s->ws.close(wsclose::close_code::message_too_big, "too long: " + message);
            break;
        }
        std::memcpy(s->echo + LWS_PRE, in, len);
        s->length = len;
        lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (s->length)
            lws_write(wsi, s->echo + LWS_PRE, s->length, LWS_WRITE_TEXT);
        s->length = 0;
        break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"echo", wsclose::tracked<callback_echo, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_context *context = listen(count, arguments, protocols);
    while (context && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
}
