// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/log.hpp>

#include <string>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"

namespace {
std::string logged;
int         logged_level = 0;
} // namespace

TEST_CASE("a report goes into lws' log as one escaped line at the level asked for") {
    wsclose::close_handshake handshake;
    handshake.receive(wsclose::close_frame::parse("\x03\xE8"
                                                  "bye\nforged: line"));
    handshake.transport_closed();
    lws_set_log_level(LLL_ERR | LLL_NOTICE, [](int level, const char *line) {
        logged_level = level;
        logged       = line;
    });
    wsclose::log_report(handshake.report(), "chat");
    CHECK(logged_level == LLL_NOTICE);
    CHECK(logged.find("chat: closed cleanly by the peer: received 1000 normal_closure \"bye\\u000aforged: line\", sent "
                      "1000 \"bye\\u000aforged: line\"\n") != std::string::npos);
    CHECK(logged.find('\n') == logged.size() - 1);
    logged.clear();
    wsclose::log_report(handshake.report(), "chat", LLL_INFO); // not switched on
    CHECK(logged.empty());
    lws_set_log_level(LLL_ERR, nullptr);
}
