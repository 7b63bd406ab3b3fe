// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Closes, reads the peer's close and answers it with what lws has, unchecked.

#include "program.hpp"

unsigned last_code;

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *, void *in, size_t len) {
    const unsigned char *body = static_cast<const unsigned char *>(in);
    switch (reason) {
    case LWS_CALLBACK_RECEIVE: {
        unsigned char text[123];
        const size_t  size = len < sizeof text ? len : sizeof text;
        memcpy(text, in, size);
        lws_close_reason(wsi, static_cast<lws_close_status>(4001), text, size);
        return -1;
    }
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        last_code = len < 2 ? 1005u : static_cast<unsigned>(body[0] << 8 | body[1]);
        return 0; // lws echoes
    default: return 0;
    }
}

int main() { return serve(callback_chat, 0); }
