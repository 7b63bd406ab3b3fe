// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DOCS_EXAMPLES_TEN_MINUTES_SERVE_HPP_INCLUDED
#define WSCLOSE_DOCS_EXAMPLES_TEN_MINUTES_SERVE_HPP_INCLUDED

// What all steps share: an lws context that listens. The steps differ in the callback and the table of protocols.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <libwebsockets.h>

/// A context that listens on the port in the first argument, or on 7681. It prints the port.
inline lws_context *listen(int count, char **arguments, const lws_protocols *protocols) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, nullptr);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = count > 1 ? std::atoi(arguments[1]) : 7681;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (context)
        std::printf("port %d\n", lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")));
    return context;
}

#endif // WSCLOSE_DOCS_EXAMPLES_TEN_MINUTES_SERVE_HPP_INCLUDED
