// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/log_limiter.hpp>

#include <cstdint>
#include <limits>

#include "support/catch.hpp"

using namespace wsclose;

TEST_CASE("a limiter lets as many lines through in an interval as it has tokens") {
    log_limiter limiter(3, 1000);
    CHECK(limiter.take(5000));
    CHECK(limiter.take(5000));
    CHECK(limiter.take(5999));
    CHECK_FALSE(limiter.take(5999));
    CHECK(limiter.take(6000)); // 1000 after the first
    CHECK(limiter.take(6000));
    CHECK(limiter.take(6000));
    CHECK_FALSE(limiter.take(6999));
    CHECK(limiter.take(7000));
}

TEST_CASE("the interval starts with the first line, however late that is") {
    log_limiter limiter(2, 1000);
    CHECK(limiter.take(1'000'000));
    CHECK(limiter.take(1'000'999));
    CHECK_FALSE(limiter.take(1'000'999));
    CHECK(limiter.take(1'001'000));
    log_limiter early(1, 1000); // the clock starts at 0
    CHECK(early.take(900));
    CHECK_FALSE(early.take(1899));
    CHECK(early.take(1900));
}

TEST_CASE("a limiter lets 100 lines through in 10 s unless the program says otherwise") {
    log_limiter limiter;
    unsigned    lines = 0;
    for (int i = 0; i < 1000; ++i)
        lines += limiter.take(0);
    CHECK(lines == 100);
    CHECK_FALSE(limiter.take(9'999'999));
    CHECK(limiter.take(10'000'000));
}

TEST_CASE("a limiter tells once how many lines it has suppressed, and since when") {
    log_limiter limiter(1, 10'000'000);
    CHECK(limiter.take(0));
    CHECK_FALSE(limiter.take_suppressed(0));
    for (int i = 0; i < 4312; ++i)
        CHECK_FALSE(limiter.take(2'000'000 + i));
    CHECK(limiter.take(12'000'000));
    const suppressed_lines lines = limiter.take_suppressed(12'000'000);
    CHECK(lines);
    CHECK(lines.count == 4312);
    CHECK(lines.period == 10'000'000);
    CHECK_FALSE(limiter.take_suppressed(12'000'000));
    CHECK(limiter.take_suppressed(12'000'000).count == 0);
    CHECK(limiter.take_suppressed(12'000'000).period == 0);
}

TEST_CASE("what is suppressed can be told while nothing gets through") {
    log_limiter limiter(1, 1000);
    CHECK(limiter.take(0));
    CHECK_FALSE(limiter.take(100));
    CHECK(limiter.take_suppressed(300).period == 200);
    CHECK_FALSE(limiter.take(400));
    const suppressed_lines again = limiter.take_suppressed(450);
    CHECK(again.count == 1);
    CHECK(again.period == 50);
}

TEST_CASE("in a flood, the lines of a long time are as many as the limit allows") {
    log_limiter   limiter(5, 100);
    std::uint64_t lines = 0, suppressed = 0;
    for (std::int64_t now = 0; now < 10'000; ++now) {
        if (limiter.take(now)) {
            ++lines;
            suppressed += limiter.take_suppressed(now).count;
        }
    }
    suppressed += limiter.take_suppressed(10'000).count;
    CHECK(lines == 500);
    CHECK(lines + suppressed == 10'000); // nothing is lost silently
}

TEST_CASE("a clock that is set back ends the interval") {
    log_limiter limiter(1, 1000);
    CHECK(limiter.take(50'000));
    CHECK_FALSE(limiter.take(50'001));
    CHECK(limiter.take(1000));
    CHECK_FALSE(limiter.take(1999));
    CHECK(limiter.take(2000));
}

TEST_CASE("a limiter without an interval lets all lines through") {
    for (const std::int64_t interval : {std::int64_t{0}, std::int64_t{-1}}) {
        log_limiter limiter(1, interval);
        CHECK(limiter.take(1000));
        CHECK(limiter.take(1000));
        CHECK(limiter.take(2000));
    }
}

TEST_CASE("lines were suppressed for no negative time, even if the clock was set back") {
    log_limiter limiter(1, 1000);
    CHECK(limiter.take(50'000));
    CHECK_FALSE(limiter.take(50'001));
    CHECK(limiter.take(1000));
    const suppressed_lines lines = limiter.take_suppressed(1000);
    CHECK(lines.count == 1);
    CHECK(lines.period == 0);
}

TEST_CASE("a limiter takes any time, and without tokens lets nothing through") {
    constexpr std::int64_t first = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t last  = std::numeric_limits<std::int64_t>::max();
    log_limiter            limiter(1, last);
    CHECK(limiter.take(first));
    CHECK_FALSE(limiter.take(-2));
    CHECK(limiter.take(last));
    CHECK(limiter.take_suppressed(last).period == last); // -2 to the last is too much for the type
    CHECK(limiter.take(first));                          // set back as far as can be
    log_limiter closed(0, 1000);
    CHECK_FALSE(closed.take(0));
    CHECK_FALSE(closed.take(5000));
    CHECK(closed.take_suppressed(5000).count == 2);
}
