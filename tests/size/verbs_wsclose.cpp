// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// As verbs_lws.cpp, with what wsclose has for a bare `lws *`.

#include <wsclose/lws/close.hpp>

#include "program.hpp"

unsigned last_code;

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *, void *in, size_t len) {
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        return wsclose::close(wsi, wsclose::close_code{4001}, {static_cast<const char *>(in), len});
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
        const wsclose::parse_result peers = wsclose::close_frame::parse(in, len);
        last_code                         = static_cast<unsigned>(peers.frame.code());
        wsclose::close_frame answer;
        return wsclose::answer_peer_close(wsi, in, len, answer);
    }
    default: return 0;
    }
}

int main() { return serve(callback_chat, 0); }
