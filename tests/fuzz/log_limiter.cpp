// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// log_limiter, for any limit and any clock, also one that jumps: against a model with integers that cannot overflow.

#include <limits>

#include <wsclose/log_limiter.hpp>

#include "fuzz/fuzz.hpp"

using namespace wsclose;
using fuzz::must;

namespace {

__extension__ using wide = __int128;

constexpr wide longest = std::numeric_limits<std::int64_t>::max();

/// What log_limiter.hpp promises, in plain words.
struct model {
    std::uint32_t lines;
    std::int64_t  interval;
    bool          has_begun  = false;
    wide          began      = 0;
    std::uint32_t written    = 0; // in this interval
    std::uint64_t suppressed = 0;
    wide          since      = 0;

    bool take(wide now) {
        if (!has_begun || now < began || now - began >= interval) {
            has_begun = true;
            began     = now;
            written   = 0;
        }
        if (written < lines) {
            ++written;
            return true;
        }
        since = suppressed == 0 ? now : since;
        ++suppressed;
        return false;
    }

    wide period(wide now) const {
        if (suppressed == 0 || now < since)
            return 0;
        return now - since > longest ? longest : now - since;
    }
};

/// The clock stands, goes on, jumps, or reaches the end of the interval, give or take a microsecond.
std::int64_t take_time(fuzz::input &in, unsigned how, std::int64_t now, const model &as) {
    switch (how % 4) {
    case 0: return now;
    case 1: return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) + in.number<std::uint16_t>());
    case 2: return in.number<std::int64_t>();
    default: return static_cast<std::int64_t>(as.began + as.interval + in.number() % 3 - 1);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input         in(data, size);
    const std::uint32_t lines    = in.number() % 8;
    const auto          interval = in.number<std::int64_t>();
    log_limiter         limiter(lines, interval);
    model               as{lines, interval};
    std::int64_t        now = 0;
    while (!in.empty()) {
        const unsigned what = in.number();
        now                 = take_time(in, what, now, as);
        if (what & 4) {
            const suppressed_lines told = limiter.take_suppressed(now);
            must(told.count == as.suppressed, "each line that was suppressed is told once");
            must(told.period == as.period(now), "the time since the first of them is told");
            must(bool(told) == (as.suppressed != 0), "it is true if lines were suppressed");
            as.suppressed = 0;
        } else {
            must(limiter.take(now) == as.take(now), "as many lines get through as the limit allows");
        }
    }
    return 0;
}
