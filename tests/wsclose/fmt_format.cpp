// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#define FMT_HEADER_ONLY
#include <wsclose/fmt_format.hpp>

#include <string>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"
#include "support/game_code.hpp"

#if defined(FMT_VERSION)

TEST_CASE("{fmt} writes codes, frames and reports as text and as JSON") {
    const auto frame = wsclose::close_frame::fit(wsclose::close_code::normal_closure, "bye\n");
    CHECK(fmt::format("{}", wsclose::close_code::going_away) == "1001 going_away");
    CHECK(fmt::format("<{}>", frame) == "<1000 normal_closure \"bye\\u000a\">");
    CHECK(fmt::format("{:j}", frame) == R"({"code":1000,"reason":"bye\u000a"})");
    wsclose::close_handshake lost;
    lost.transport_closed();
    CHECK(fmt::format("{}", lost.report()) == "closed by the transport, not cleanly: 1006 abnormal_closure");
    CHECK(fmt::format("{:j}", lost.report()).find(R"({"code":1006,"reason":"","clean":false,)") == 0);
}

TEST_CASE("{fmt} pads text as a string is padded") {
    CHECK(fmt::format("{:18}|", wsclose::close_code::going_away) == "1001 going_away   |");
    CHECK(fmt::format("{:.>18}|", wsclose::close_code::going_away) == "...1001 going_away|");
    CHECK(fmt::format("{:^17}|", wsclose::close_code::going_away) == " 1001 going_away |");
    CHECK(fmt::format("{:5}|", wsclose::close_code::going_away) == "1001 going_away|");
}

TEST_CASE("{fmt} writes the names of an application's codes") {
    const auto frame = wsclose::close_frame::fit(test::game_code::kicked, "bye");
    CHECK(fmt::format("{}", wsclose::named<test::game_code>(frame)) == "4001 kicked \"bye\"");
    CHECK(fmt::format("{:j}", wsclose::named<test::game_code>(frame)) ==
          R"({"code":4001,"name":"kicked","reason":"bye"})");
    CHECK(fmt::format("{:>12}", wsclose::named<test::game_code>(frame.code())) == " 4001 kicked");
}

TEST_CASE("{fmt} refuses a format that is neither text nor JSON, and JSON of a bare code") {
    const auto refuses = [](const char *format, const auto &value) {
        try {
            (void)fmt::vformat(format, fmt::make_format_args(value));
        } catch (const fmt::format_error &) {
            return true;
        }
        return false;
    };
    const wsclose::close_frame frame;
    CHECK(refuses("{:x}", frame));
    CHECK(refuses("{:jj}", frame));
    CHECK(refuses("{:j}", wsclose::close_code::going_away));
    CHECK_FALSE(refuses("{:j}", frame));
}

#else

TEST_CASE("without {fmt} (libfmt-dev) the header for it adds nothing and does no harm") { SUCCEED(); }

#endif
