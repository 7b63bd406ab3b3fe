// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that logs how its connections end: with the names of its own codes, limited, at fitting levels, and as
// JSON, one object a line, for whatever collects logs. Listens on the port that it is given.

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

#include <wsclose/lws.hpp>

enum class game_code { kicked = 4001, cheated = 4002 };

template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr wsclose::named_code<game_code> codes[] = {{game_code::kicked, "kicked"},
                                                               {game_code::cheated, "cheated"}};
};

struct application {
    wsclose::log_limiter endings; // 100 lines in 10 s
    wsclose::log_limiter warnings{20, 60 * LWS_US_PER_SEC};
    wsclose::log_limiter objects{1000, LWS_US_PER_SEC};
};

// {"event":"websocket_closed","severity":"info","code":4002,"name":"cheated",...,"suppressed":0}
static void log_json(const wsclose::close_report &report, wsclose::log_limiter &limiter) {
    const lws_usec_t now = lws_now_usecs();
    if (!limiter.take(now))
        return;
    std::string line = "{\"event\":\"websocket_closed\",\"severity\":\"";
    line += name(severity_of(report));
    line += "\",";
    write_json_members(wsclose::named<game_code>(report), [&line](std::string_view piece) { line += piece; });
    line += ",\"suppressed\":" + std::to_string(limiter.take_suppressed(now).count) + "}\n";
    std::cout << line << std::flush;
}

struct session {
    wsclose::connection ws;

    void on_close(const wsclose::close_report &report, const wsclose::environment &where) {
        application &app     = *static_cast<application *>(lws_context_user(where.context));
        const bool   warning = severity_of(report) == wsclose::severity::warning;
        wsclose::log_report<game_code>(report, "game", warning ? app.warnings : app.endings);
        log_json(report, app.objects);
    }
};

static int callback_game(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    if (reason == LWS_CALLBACK_RECEIVE && std::string_view(static_cast<const char *>(in), len) == "cheat")
        static_cast<session *>(user)->ws.close(game_code::cheated, "we saw that");
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"game", wsclose::tracked<callback_game, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static volatile std::sig_atomic_t stopped = 0;

int main(int count, char **arguments) {
    lws_set_log_level(LLL_ERR | LLL_WARN | LLL_NOTICE, nullptr);
    application               app;
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.user            = &app;
    info.port            = count > 1 ? std::atoi(arguments[1]) : 7681;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    std::signal(SIGTERM, [](int) { stopped = 1; });
    while (!stopped && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    log_suppressed(app.warnings, "game");
    log_suppressed(app.endings, "game");
    return 0;
}
