// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// What the programs have in common: a server with one protocol.

#include <string.h>

#include <libwebsockets.h>

static int serve(lws_callback_function *callback, size_t session_size) {
    const lws_protocols       protocols[] = {{"chat", callback, session_size, 0, 0, nullptr, 0},
                                             {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
    lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    info.protocols       = protocols;
    lws_context *context = lws_create_context(&info);
    while (lws_service(context, 0) >= 0) {
    }
    return 0;
}
