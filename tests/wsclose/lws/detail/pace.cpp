// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/pace.hpp>

#include <algorithm>
#include <vector>

#include "support/catch.hpp"

using wsclose::detail::pace;

namespace {

constexpr lws_usec_t ms = LWS_US_PER_MS;

/// The milliseconds at which turns are taken, by a program that looks at the clock later than it is told by
/// `late(now)`.
template <class Late>
std::vector<lws_usec_t> turns_of(pace p, lws_usec_t left, Late &&late) {
    std::vector<lws_usec_t> times;
    for (lws_usec_t now = 0; left > 0; now += p.delay(now) + late(now)) {
        p.look(now);
        for (; left > 0 && p.is_due(now); times.push_back(now / ms))
            p.take_turn(--left);
    }
    return times;
}

lws_usec_t never_late(lws_usec_t) { return 0; }

/// How many of them come within any time of that length.
std::size_t peak(const std::vector<lws_usec_t> &times, lws_usec_t length) {
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
        while (times[last] - times[first] >= length)
            ++first;
        most = std::max(most, last - first + 1);
    }
    return most;
}

} // namespace

TEST_CASE("turns are spread evenly over their window") {
    CHECK(turns_of(pace(0, 1000 * ms, 5), 5, never_late) == std::vector<lws_usec_t>{0, 200, 400, 600, 800});
    CHECK(turns_of(pace(0, 1000 * ms, 1), 1, never_late) == std::vector<lws_usec_t>{0});

    const std::vector<lws_usec_t> many = turns_of(pace(0, 20000 * ms, 10000), 10000, never_late);
    CHECK(many.back() == 20000);
    CHECK(peak(many, 1000) == 500);
    CHECK(peak(many, 100) == 50);
}

TEST_CASE("all turns are due at once if the window is 0") {
    CHECK(turns_of(pace(0, 0, 3), 3, never_late) == std::vector<lws_usec_t>{0, 0, 0});
}

TEST_CASE("what a busy program has missed is made up for at no more than 1.1 times the even rate") {
    const std::vector<lws_usec_t> jerky =
        turns_of(pace(0, 20000 * ms, 10000), 10000, [](lws_usec_t now) { return now / ms % 7 * 5 * ms; });
    CHECK(peak(jerky, 1000) <= 575); // 550, and those of 50 ms
    CHECK(jerky.back() < 20100);

    bool       has_stalled = false;
    const auto stall_once  = [&](lws_usec_t now) {
        const bool stalls = !has_stalled && now >= 19000 * ms;
        has_stalled       = has_stalled || stalls;
        return stalls ? 3000 * ms : 0;
    };
    const std::vector<lws_usec_t> stalled = turns_of(pace(0, 20000 * ms, 10000), 10000, stall_once);
    CHECK(peak(stalled, 1000) <= 575);
    CHECK(stalled.back() > 22000);
}

TEST_CASE("of the time for which a program was busy, the last 50 ms count") {
    pace p(0, 1000 * ms, 10);
    p.look(500 * ms);
    CHECK_FALSE(p.is_due(450 * ms - 1));
    CHECK(p.is_due(450 * ms));
    p.look(490 * ms); // it was not busy
    CHECK(p.is_due(450 * ms));
}

TEST_CASE("turns that are not needed any more count as taken") {
    pace p(0, 1000 * ms, 10);
    p.take_turn(9);
    p.recount(4); // five have ended by themselves
    CHECK_FALSE(p.is_due(600 * ms - 1));
    CHECK(p.is_due(600 * ms));
}

TEST_CASE("more turns than there were do not come faster than 1.1 times the even rate") {
    pace p(0, 1100 * ms, 10);
    p.recount(100);
    CHECK(p.is_due(0));
    p.take_turn(99);
    CHECK_FALSE(p.is_due(100 * ms - 1));
    CHECK(p.is_due(100 * ms));
    p.take_turn(98);
    CHECK_FALSE(p.is_due(200 * ms - 1));
    CHECK(p.is_due(200 * ms));
}

TEST_CASE("a program looks at the clock again within 10 to 50 ms") {
    pace p(0, 1000 * ms, 1000);
    p.take_turn(999);
    CHECK(p.delay(0) == 10 * ms);
    p.recount(970);
    CHECK(p.delay(0) == 30 * ms);
    p.recount(10);
    CHECK(p.delay(0) == 50 * ms);
    p.skip(0);
    CHECK_FALSE(p.is_due(50 * ms - 1));
}
