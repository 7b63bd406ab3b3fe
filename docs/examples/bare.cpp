// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The verbs for a program that tracks nothing: no session, no adapter.

#include <libwebsockets.h>

#include <wsclose/lws/close.hpp>

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *, void *in, size_t len) {
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        if (len > 1000)
            return wsclose::close(wsi, wsclose::close_code::message_too_big, "1000 bytes at most");
        break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
        wsclose::close_frame answer;
        return wsclose::answer_peer_close(wsi, in, len, answer);
    }
    default: break;
    }
    return 0;
}

int main() {
    const lws_protocols protocol = {"chat", callback_chat, 0, 0, 0, nullptr, 0};
    return protocol.callback == callback_chat ? 0 : 1;
}
