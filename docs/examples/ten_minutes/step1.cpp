// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Step 1: an ordinary echo server on lws alone. "bye" closes the connection, "kick" the newest one, and a message of
// more than 100 bytes is too long.

#include <string>

#include <libwebsockets.h>

#include "serve.hpp"

struct session {
    unsigned char echo[LWS_PRE + 100];
    size_t        length;
};

static lws *newest; // whom "kick" closes

static void leave(lws *wsi, int code, std::string text) {
    lws_close_reason(wsi, static_cast<lws_close_status>(code), reinterpret_cast<unsigned char *>(&text[0]),
                     text.size());
}

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: newest = wsi; break;
    case LWS_CALLBACK_RECEIVE: {
        const std::string message(static_cast<const char *>(in), len);
        if (message == "bye")
            return leave(wsi, LWS_CLOSE_STATUS_NORMAL, "see you"), -1;
        if (len > sizeof s->echo - LWS_PRE)
            return leave(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "too long: " + message), -1;
        if (message == "kick" && newest) {
            leave(newest, 4001, "kicked");
            lws_set_timeout(newest, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC); // as lws suggests
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
    case LWS_CALLBACK_CLOSED:
        if (newest == wsi)
            newest = nullptr; // or "kick" would use it after it is gone
        std::puts("echo: closed");
        break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"echo", callback_echo, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_context *context = listen(count, arguments, protocols);
    while (context && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
}
