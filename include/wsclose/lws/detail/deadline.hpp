// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_DEADLINE_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_DEADLINE_HPP_INCLUDED

// How long a peer may take.

#include <cstdint>

#include <libwebsockets.h>

#include <wsclose/version.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// In microseconds: what fits into the 16 bits below.
inline constexpr lws_usec_t longest_close_timeout = 65 * LWS_US_PER_SEC;

/// A time limit in 16 bits: 0 is kept for "not set", so it is one more than its milliseconds.
constexpr std::uint16_t close_timeout(lws_usec_t time) noexcept {
    const lws_usec_t kept = time < 0 ? 0 : time < longest_close_timeout ? time : longest_close_timeout;
    return static_cast<std::uint16_t>(1 + kept / LWS_US_PER_MS);
}

inline constexpr lws_usec_t default_close_timeout = 5 * LWS_US_PER_SEC;

/// When the peer must have taken our Close frame, or answered it. lws then sends LWS_CALLBACK_TIMER.
/// lws_set_timeout() remains free for the program.
class deadline {
public:
    /// Starts the limit, or restarts it.
    void start(lws *wsi, std::int32_t milliseconds) noexcept {
        end_ = now() + static_cast<std::uint32_t>(milliseconds);
        keep(wsi);
    }

    /// Sets the timer again, since the program may have set it for itself.
    void keep(lws *wsi) const noexcept {
        lws_set_timer_usecs(wsi, left() * lws_usec_t{LWS_US_PER_MS} + 1); // never -1, which would cancel it
    }

    /// In milliseconds; 0 or less if it has passed.
    std::int32_t left() const noexcept {
        const std::int32_t left = static_cast<std::int32_t>(end_ - now());
        return left <= longest_close_timeout / LWS_US_PER_MS ? left : 0; // more: the machine was stopped for weeks
    }

private:
    static std::uint32_t now() noexcept { return static_cast<std::uint32_t>(lws_now_usecs() / 1000); }

    std::uint32_t end_ = 0; // in milliseconds of lws' clock; it wraps, but differences stay correct
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_DEADLINE_HPP_INCLUDED
