// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// advise(), backoff and severity_of(), for any report, policy and random number.

#include <algorithm>

#include <wsclose/reconnect.hpp>
#include <wsclose/severity.hpp>

#include "fuzz/events.hpp"
#include "fuzz/fuzz.hpp"
#include "support/game_code.hpp"

using namespace wsclose;
using fuzz::must;

namespace {

constexpr std::int64_t day_and_a_half = 36 * 3600 * std::int64_t{1000};

constexpr advised_range own_rows[] = {
    {close_code{4000}, close_code{4499}, {next_step::come_back, 1000, day_and_a_half}},
    {close_code{4500}, close_code{4500}, {next_step::stop}},
};

void check(const advice &then) {
    must(then.minimum >= 0 && then.minimum <= then.maximum, "a delay has bounds");
    must(then.maximum <= day_and_a_half, "no server keeps a client away for longer than a day and a half");
    must(bool(then) == (then.what != next_step::stop), "advice is true if the client comes back");
    must(!name(then.what).empty(), "a step has a name");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input    in(data, size);
    backoff_policy policy;
    const auto     flags = in.number();
    if (flags & 1) {
        policy.base        = in.number<std::int64_t>();
        policy.cap         = in.number<std::int64_t>();
        policy.reset_after = in.number<std::int64_t>();
        policy.factor      = in.number<std::uint32_t>();
        policy.divisor     = in.number<std::uint32_t>();
        policy.spread      = in.one_of<jitter>(3);
    }
    const auto         random = in.number<std::uint64_t>();
    const unsigned     tries  = in.number() % 80;
    const close_report report = fuzz::take_report(in);

    const advice then = advise(report);
    check(then);
    check(advise<own_rows>(report));
    check(advise<own_rows>(report.code()));
    must(!(advise<test::game_code>(report) != then), "a table without advice changes none");
    must(report.initiator() != initiator::local || !then, "a program that closed does not come back by itself");
    must(!name(severity_of(report)).empty() && severity_of(report) <= severity::info, "every report has a severity");

    // Each delay lies within its bounds. These never fall, and end at the cap, or at what the advice asks for.
    backoff            counted;
    const std::int64_t divisor = std::max(policy.divisor, 1u);
    const std::int64_t highest = std::max({std::int64_t{0}, policy.cap, then.maximum}) / divisor;
    advice             before  = counted.bounds(then, policy);
    for (unsigned i = 0; i < tries; ++i) {
        const advice       bounds = counted.bounds(then, policy);
        const std::int64_t delay  = counted.next(then, 0, random, policy);
        must(bounds.what == then.what, "backoff does not change the step");
        must(bounds.minimum >= then.minimum / divisor && bounds.maximum >= then.maximum / divisor,
             "backoff does not come before its advice");
        must(bounds.minimum >= before.minimum && bounds.maximum >= before.maximum, "the delays never fall");
        must(bounds.maximum <= highest, "no delay is longer than the cap or the advice");
        must(delay >= bounds.minimum && delay <= bounds.maximum, "a delay lies within its bounds");
        must(counted.tries() == i + 1, "each try counts");
        before = bounds;
    }
    counted.next(then, report.lasted(), random, policy);
    must(counted.tries() == (report.lasted() > 0 && report.lasted() >= policy.reset_after ? 1 : tries + 1),
         "a connection that lasted begins anew");
    return 0;
}
