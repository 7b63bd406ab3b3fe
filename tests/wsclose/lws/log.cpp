// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/log.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"
#include "support/game_code.hpp"

using namespace wsclose;

namespace {

struct entry {
    int         level;
    std::string line; // behind what lws puts before it
};
std::vector<entry> logged;

// Collects what lws logs at the levels that are shown. lws 5 swallows a line that is the same as the one before.
struct log_capture {
    explicit log_capture(int shown = LLL_ERR | LLL_WARN | LLL_NOTICE) {
        lws_set_log_level(LLL_ERR | shown, [](int level, const char *text) {
            const std::string line = text;
            const auto        at   = line.find("chat: ");
            logged.push_back({level, at == std::string::npos ? line : line.substr(at)});
        });
        lwsl_err("a test begins\n");
        logged.clear();
    }
    log_capture(const log_capture &)            = delete;
    log_capture &operator=(const log_capture &) = delete;
    ~log_capture() { lws_set_log_level(LLL_ERR, nullptr); }
};

close_report peer_closed_with(std::string_view body) {
    close_handshake handshake;
    handshake.receive(close_frame::parse(body));
    handshake.transport_closed();
    return handshake.report();
}

close_report refused() {
    close_handshake handshake;
    handshake.connect_failed({"refused"});
    return handshake.report();
}

const std::string lost_line = "chat: closed by the transport, not cleanly: 1006 abnormal_closure\n";

} // namespace

TEST_CASE("a report goes into lws' log as one escaped line") {
    const log_capture capture;
    log_report(peer_closed_with("\x03\xE8"
                                "bye\nforged: line"),
               "chat");
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].line ==
          "chat: closed cleanly by the peer: received 1000 normal_closure \"bye\\u000aforged: line\", "
          "sent 1000 \"bye\\u000aforged: line\"\n");
}

TEST_CASE("a clean ending and a lost connection are logged at LLL_NOTICE, and what is wrong at LLL_WARN") {
    const log_capture capture;
    log_report(peer_closed_with("\x03\xE8"), "chat");
    log_report(close_report(), "chat");
    log_report(peer_closed_with("\x03"), "chat");
    log_report(refused(), "chat");
    REQUIRE(logged.size() == 4);
    CHECK(logged[0].level == LLL_NOTICE);
    CHECK(logged[1].level == LLL_NOTICE);
    CHECK(logged[2].level == LLL_WARN);
    CHECK(logged[3].level == LLL_WARN);
    STATIC_REQUIRE(log_level(severity::info) == LLL_NOTICE);
    STATIC_REQUIRE(log_level(severity::notice) == LLL_NOTICE);
    STATIC_REQUIRE(log_level(severity::warning) == LLL_WARN);
}

TEST_CASE("a report is logged at the level that is given, if lws shows it") {
    const log_capture capture(LLL_WARN | LLL_INFO);
    log_report(close_report(), "chat"); // LLL_NOTICE
    log_report(close_report(), "chat", LLL_DEBUG);
    CHECK(logged.empty());
    log_report(close_report(), "chat", LLL_INFO);
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].level == LLL_INFO);
    CHECK(logged[0].line == lost_line);
}

TEST_CASE("a report is logged with the names of the application's codes") {
    const log_capture capture;
    log_limiter       limiter;
    log_report<test::game_code>(peer_closed_with("\x0F\xA1"), "chat");
    log_report<test::game_code>(peer_closed_with("\x0F\xA2"), "chat", limiter);
    REQUIRE(logged.size() == 2);
    CHECK(logged[0].line == "chat: closed cleanly by the peer: received 4001 kicked, sent 4001\n");
    CHECK(logged[1].line == "chat: closed cleanly by the peer: received 4002 cheated, sent 4002\n");
}

TEST_CASE("a limiter suppresses the lines beyond its limit, and the log says how many there were") {
    const log_capture capture;
    log_limiter       limiter(2, 3600 * LWS_US_PER_SEC); // an hour
    for (int i = 0; i < 2500; ++i) {
        log_report(close_report(), "chat", limiter);
        log_report(peer_closed_with("\x03\xE8"), "chat", limiter);
    }
    REQUIRE(logged.size() == 2);
    CHECK(logged[0].line == lost_line);
    CHECK(logged[1].line == "chat: closed cleanly by the peer: received 1000 normal_closure, sent 1000\n");
    log_suppressed(limiter, "chat");
    REQUIRE(logged.size() == 3);
    CHECK(logged[2].level == LLL_NOTICE);
    CHECK(logged[2].line == "chat: 4998 more endings were not logged in the last 1 s\n"); // at least that
    log_suppressed(limiter, "chat");
    CHECK(logged.size() == 3);
}

TEST_CASE("the line about suppressed endings comes before the next line, at its level") {
    const log_capture capture;
    log_limiter       limiter(1, 10 * LWS_US_PER_SEC);
    const lws_usec_t  earlier = lws_now_usecs() - 12 * LWS_US_PER_SEC;
    REQUIRE(limiter.take(earlier));
    for (int i = 0; i < 4312; ++i)
        REQUIRE_FALSE(limiter.take(earlier + 2 * LWS_US_PER_SEC));
    log_report(refused(), "chat", limiter);
    REQUIRE(logged.size() == 2);
    CHECK(logged[0].level == LLL_WARN);
    CHECK(logged[0].line.find("chat: 4312 more endings were not logged in the last 1") == 0); // 10 s, or a little more
    CHECK(logged[1].level == LLL_WARN);
    CHECK(logged[1].line.find("chat: not connected") == 0);
}

TEST_CASE("the time in which endings were suppressed is rounded to whole seconds") {
    const log_capture capture;
    log_limiter       limiter(1, 3600 * LWS_US_PER_SEC);
    const lws_usec_t  earlier = lws_now_usecs() - 2600 * LWS_US_PER_MS;
    REQUIRE(limiter.take(earlier));
    REQUIRE_FALSE(limiter.take(earlier));
    log_suppressed(limiter, "chat");
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].line == "chat: 1 more ending was not logged in the last 3 s\n");
}

TEST_CASE("a limiter leaves the level that is given") {
    const log_capture capture;
    log_limiter       limiter(1, 3600 * LWS_US_PER_SEC);
    log_report(close_report(), "chat", limiter, LLL_WARN);
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].level == LLL_WARN);
    CHECK(logged[0].line == lost_line);
}

TEST_CASE("a single suppressed ending is told of in the singular") {
    const log_capture capture;
    log_limiter       limiter(1, 3600 * LWS_US_PER_SEC);
    log_report(close_report(), "chat", limiter);
    log_report(close_report(), "chat", limiter);
    log_suppressed(limiter, "chat", LLL_WARN);
    REQUIRE(logged.size() == 2);
    CHECK(logged[1].level == LLL_WARN);
    CHECK(logged[1].line.find("chat: 1 more ending was not logged in the last ") == 0);
}

TEST_CASE("a line that lws does not show takes no token") {
    const log_capture capture(LLL_WARN);
    log_limiter       limiter(1, 3600 * LWS_US_PER_SEC);
    for (int i = 0; i < 10; ++i)
        log_report(close_report(), "chat", limiter);
    log_report(refused(), "chat", limiter);
    REQUIRE(logged.size() == 1);
    CHECK(logged[0].line.find("chat: not connected") == 0);
    CHECK_FALSE(limiter.take_suppressed(0));
}

TEST_CASE("a line that is too long for lws' log is cut and stays one line") {
    const log_capture capture;
    log_report(peer_closed_with("\x03\xE8" + std::string(123, '\n')), "chat");
    REQUIRE(logged.size() == 1);
    const std::string &line = logged[0].line;
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(line.find("chat: closed cleanly by the peer: received 1000 normal_closure \"\\u000a\\u000a") == 0);
}
