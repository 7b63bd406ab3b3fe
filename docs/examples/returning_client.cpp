// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A client that comes back, as the ending of its connection advises: returning_client PORT [DIVISOR]. The divisor makes
// all delays shorter, for a test.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <wsclose/lws.hpp>

enum class game_code { kicked = 4001, banned = 4003 };

template <>
struct wsclose::close_code_traits<game_code> { // delays are in milliseconds
    static constexpr wsclose::advised_code<game_code> codes[] = {
        {game_code::kicked, "kicked", {wsclose::next_step::come_back, 60'000, 120'000}},
        {game_code::banned, "banned", {wsclose::next_step::stop}},
    };
};

static wsclose::backoff_policy policy_for(int divisor) {
    wsclose::backoff_policy policy; // as RFC 6455 section 7.2.3 has it
    policy.divisor = static_cast<std::uint32_t>(divisor);
    return policy;
}

struct session {
    wsclose::connection  ws;
    wsclose::reconnector again;
    int                  port;
    bool                 over = false;

    session(int to, const wsclose::backoff_policy &policy) : again(policy), port(to) {}

    bool on_connect(lws_client_connect_info &info, const wsclose::advice &why) { // before each try
        over          = why.what == wsclose::next_step::renew_credentials;       // of which this client has none
        info.address  = "127.0.0.1";
        info.port     = port;
        info.protocol = "game";
        return !over;
    }

    void on_close(const wsclose::close_report &report) { // also after each try that failed
        const auto delay = again.plan(report, wsclose::advise<game_code>(report));
        over             = !delay;
        std::cout << report << (delay ? ": it comes back" : ": it stops") << std::endl;
    }
};

static int callback_game(lws *, lws_callback_reasons, void *, void *, size_t) { return 0; }

static const lws_protocols protocols[] = {
    {"game", wsclose::tracked<callback_game, &session::ws>, 0, 0, 0, nullptr, 0}, // 0: the session is our own
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = CONTEXT_PORT_NO_LISTEN;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    session own(count > 1 ? std::atoi(arguments[1]) : 7681, policy_for(count > 2 ? std::atoi(arguments[2]) : 1));
    own.again.start(context, own);
    while (!own.over && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
