// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that stands behind a proxy: it pings, so that the proxy does not take a quiet connection for a dead one, and
// so that it learns of clients that are gone. Listens on the port that it is given, for the proxy only.

#include <cstdlib>
#include <cstring>

#include <wsclose/lws.hpp>

struct session {
    wsclose::connection ws;

    void on_close(const wsclose::close_report &report) { wsclose::log_report(report, "chat"); }
};

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static lws_retry_bo_t pings() {
    lws_retry_bo_t policy;
    std::memset(&policy, 0, sizeof policy);
    policy.secs_since_valid_ping   = 30; // a quarter of the proxy's limit
    policy.secs_since_valid_hangup = 45;
    return policy;
}

int main(int count, char **arguments) {
    const lws_retry_bo_t      policy = pings();
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port                  = count > 1 ? std::atoi(arguments[1]) : 7681;
    info.iface                 = "127.0.0.1";
    info.protocols             = protocols;
    info.retry_and_idle_policy = &policy;
    info.gid                   = static_cast<decltype(info.gid)>(-1);
    info.uid                   = static_cast<decltype(info.uid)>(-1);
    lws_context *context       = lws_create_context(&info);
    if (!context)
        return 1;
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
