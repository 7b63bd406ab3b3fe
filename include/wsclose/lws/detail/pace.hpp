// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_PACE_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_PACE_HPP_INCLUDED

// When the turns of a drain come.

#include <libwebsockets.h>

#include <wsclose/version.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// Spreads turns evenly over a window of time. All times are in the microseconds of one clock.
class pace {
public:
    static constexpr lws_usec_t shortest = 10 * LWS_US_PER_MS; ///< time between two looks at the clock
    static constexpr lws_usec_t longest  = 50 * LWS_US_PER_MS;

    constexpr pace() noexcept = default;

    /// `turns` turns from now on.
    constexpr pace(lws_usec_t now, lws_usec_t window, lws_usec_t turns) noexcept
        : next_(now), end_(now + window), window_(window), turns_(turns > 0 ? turns : 1) {}

    /// The program looks at the clock. If it was busy for longer than `longest`, that time is lost.
    constexpr void look(lws_usec_t now) noexcept { next_ = later(next_, now - longest); }

    constexpr bool is_due(lws_usec_t now) const noexcept { return next_ <= now; }

    /// A turn was taken, and `left` are left. The next one comes when it is due, but never faster than at 1.1 times the
    /// even rate.
    constexpr void take_turn(lws_usec_t left) noexcept { next_ = later(next_ + window_ * 10 / 11 / turns_, due(left)); }

    /// No turn was taken, and `left` are left. Turns that are not needed any more count as taken.
    constexpr void recount(lws_usec_t left) noexcept { next_ = later(next_, due(left)); }

    /// There was none to take.
    constexpr void skip(lws_usec_t now) noexcept { next_ = now + longest; }

    /// How long to wait for the next turn.
    constexpr lws_usec_t delay(lws_usec_t now) const noexcept {
        const lws_usec_t idle = next_ - now;
        return idle < shortest ? shortest : idle < longest ? idle : longest;
    }

private:
    static constexpr lws_usec_t later(lws_usec_t a, lws_usec_t b) noexcept { return a < b ? b : a; }

    /// When the first of the last `left` turns is due.
    constexpr lws_usec_t due(lws_usec_t left) const noexcept { return end_ - window_ * left / turns_; }

    lws_usec_t next_   = 0;
    lws_usec_t end_    = 0; // of the window
    lws_usec_t window_ = 0;
    lws_usec_t turns_  = 1; // in the window
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_PACE_HPP_INCLUDED
