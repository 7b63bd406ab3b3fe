// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/std_format.hpp>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"
#include "support/game_code.hpp"

#if defined(__cpp_lib_format)

TEST_CASE("std::format writes codes, frames and reports as text and as JSON") {
    const auto frame = wsclose::close_frame::fit(wsclose::close_code::normal_closure, "bye\n");
    CHECK(std::format("{}", wsclose::close_code::going_away) == "1001 going_away");
    CHECK(std::format("<{}>", frame) == "<1000 normal_closure \"bye\\u000a\">");
    CHECK(std::format("{:j}", frame) == R"({"code":1000,"reason":"bye\u000a"})");
    wsclose::close_handshake lost;
    lost.transport_closed();
    CHECK(std::format("{}", lost.report()) == "closed by the transport, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("std::format pads text as a string is padded") {
    CHECK(std::format("{:18}|", wsclose::close_code::going_away) == "1001 going_away   |");
    CHECK(std::format("{:.>18}|", wsclose::close_code::going_away) == "...1001 going_away|");
    CHECK(std::format("{:^17}|", wsclose::close_code::going_away) == " 1001 going_away |");
}

TEST_CASE("std::format writes the names of an application's codes") {
    const auto frame = wsclose::close_frame::fit(test::game_code::kicked, "bye");
    CHECK(std::format("{}", wsclose::named<test::game_code>(frame)) == "4001 kicked \"bye\"");
    CHECK(std::format("{:j}", wsclose::named<test::game_code>(frame)) ==
          R"({"code":4001,"name":"kicked","reason":"bye"})");
    CHECK(std::format("{:>12}", wsclose::named<test::game_code>(frame.code())) == " 4001 kicked");
}

#else

TEST_CASE("without <format> the header for it adds nothing and does no harm") { SUCCEED(); }

#endif
