// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LOG_LIMITER_HPP_INCLUDED
#define WSCLOSE_LOG_LIMITER_HPP_INCLUDED

// A limit for the lines of a log, so that a peer that connects thousands of times cannot fill it.

#include <cstdint>

#include <wsclose/version.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// How many lines a `log_limiter` suppressed, and over which time.
struct suppressed_lines {
    std::uint64_t count  = 0; ///< lines that were suppressed
    std::int64_t  period = 0; ///< microseconds since the first of them; 0 if the clock was set back

    /// Whether lines were suppressed.
    constexpr explicit operator bool() const noexcept { return count != 0; }
};

/// Lets a number of lines through in each interval. The first line starts an interval, and the first line after its
/// end starts the next. The program owns the limiter, one for each thread. It reads no clock: the caller gives the time
/// in microseconds, from any clock.
class log_limiter {
public:
    /// Lets `lines` lines through in `interval` microseconds: 100 in 10 s unless you say otherwise. If `interval` is 0
    /// or negative, it lets all lines through.
    constexpr explicit log_limiter(std::uint32_t lines = 100, std::int64_t interval = 10'000'000) noexcept
        : lines_(lines), left_(lines), interval_(interval > 0 ? interval : 0) {}

    /// Whether a line may be written now. If not, the line counts as suppressed.
    constexpr bool take(std::int64_t now) noexcept {
        if (left_ == lines_ || is_over(now)) {
            began_ = now;
            left_  = lines_;
        }
        if (left_ != 0) {
            --left_;
            return true;
        }
        if (suppressed_++ == 0)
            suppressed_since_ = now;
        return false;
    }

    /// What was suppressed since the last call. Call it when `take` returns true, and before the program ends.
    constexpr suppressed_lines take_suppressed(std::int64_t now) noexcept {
        suppressed_lines result;
        if (suppressed_ != 0)
            result = {suppressed_, since(suppressed_since_, now)};
        suppressed_ = 0;
        return result;
    }

private:
    /// How long ago `then` was: 0 if the clock was set back, and no more than the type can hold.
    static constexpr std::int64_t since(std::int64_t then, std::int64_t now) noexcept {
        if (now <= then)
            return 0;
        const auto passed = static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(then);
        return passed < INT64_MAX ? static_cast<std::int64_t>(passed) : INT64_MAX;
    }

    /// Whether the interval is over. Also true if the clock was set back.
    constexpr bool is_over(std::int64_t now) const noexcept { return now < began_ || since(began_, now) >= interval_; }

    std::uint32_t lines_, left_;
    std::int64_t  interval_;
    std::int64_t  began_            = 0;
    std::int64_t  suppressed_since_ = 0;
    std::uint64_t suppressed_       = 0;
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LOG_LIMITER_HPP_INCLUDED
