// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A session that closes, and logs how it ended, with what lws has, unchecked.

#include "program.hpp"

struct session {
    unsigned code;
};

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session             *self = static_cast<session *>(user);
    const unsigned char *body = static_cast<const unsigned char *>(in);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: self->code = 1006; return 0;
    case LWS_CALLBACK_RECEIVE: {
        unsigned char text[123];
        const size_t  size = len < sizeof text ? len : sizeof text;
        memcpy(text, in, size);
        self->code = 4001;
        lws_close_reason(wsi, static_cast<lws_close_status>(4001), text, size);
        return -1;
    }
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        self->code = len < 2 ? 1005u : static_cast<unsigned>(body[0] << 8 | body[1]);
        return 0; // lws echoes
    case LWS_CALLBACK_CLOSED: _lws_log(LLL_NOTICE, "%s: closed with %u\n", "chat", self->code); return 0;
    default: return 0;
    }
}

int main() { return serve(callback_chat, sizeof(session)); }
