// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_DEADLINE_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_DEADLINE_HPP_INCLUDED

// How long a peer may take.

#include <cstdint>

#include <libwebsockets.h>

namespace wsclose::detail {

/// When the peer must have taken our Close frame, or answered it. lws then sends LWS_CALLBACK_TIMER.
/// lws_set_timeout() remains free for the program.
class deadline {
public:
    static constexpr std::int32_t limit = 5000; // milliseconds

    /// Starts the limit, or restarts it.
    void start(lws *wsi) noexcept {
        end_ = now() + limit;
        set_timer(wsi, limit);
    }

    /// Sets the timer again, since the program may have set it for itself.
    void keep(lws *wsi) const noexcept { set_timer(wsi, left()); }

    /// In milliseconds; 0 or less if it has passed.
    std::int32_t left() const noexcept { return static_cast<std::int32_t>(end_ - now()); }

private:
    static std::uint32_t now() noexcept { return static_cast<std::uint32_t>(lws_now_usecs() / 1000); }

    static void set_timer(lws *wsi, std::int32_t milliseconds) noexcept {
        lws_set_timer_usecs(wsi, (milliseconds > 0 ? milliseconds : 0) * lws_usec_t{1000} + 1);
    }

    std::uint32_t end_ = 0; // in milliseconds of lws' clock; it wraps, but differences stay correct
};

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_DEADLINE_HPP_INCLUDED
