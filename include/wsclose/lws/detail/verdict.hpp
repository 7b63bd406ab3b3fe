// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED

// Who ends a connection, judged from what can be seen as it begins to end.

#include <cstdint>

#include <wsclose/close_report.hpp>

namespace wsclose::detail {

/// What is known as lws begins to end an open connection: no Close frame was asked for, sent or received.
struct evidence {
    std::int32_t prepared_code        = -1;    ///< of the frame that lws has ready to send; -1 if it has none
    std::int32_t code_left            = 0;     ///< that the program gave to lws_close_reason() before; 0 if none
    bool         dropped_by_program   = false; ///< its callback returned -1
    bool         context_is_destroyed = false;
    bool         peer_ended_tcp       = false; ///< by a FIN or a reset
    bool         layer_may_have_ended = false; ///< TLS or HTTP/2: lws does not show how they end
};

/// Whether lws fails connections with this code by itself: for protocol errors and invalid UTF-8.
constexpr bool lws_fails_with(std::int32_t code) noexcept { return code == 1002 || code == 1007; }

struct verdict {
    initiator who;
    bool      sends_prepared; ///< the frame that lws has ready goes out
};

constexpr verdict judge(const evidence &seen) noexcept {
    if (lws_fails_with(seen.prepared_code) && seen.prepared_code != seen.code_left)
        return {initiator::library, true};
    if (seen.prepared_code >= 0 && !seen.peer_ended_tcp)
        return {initiator::local, true};
    if (seen.dropped_by_program)
        return {initiator::local, false};
    if (seen.peer_ended_tcp)
        return {initiator::transport, false};
    if (seen.context_is_destroyed)
        return {initiator::local, false};
    return {seen.layer_may_have_ended ? initiator::transport : initiator::library, false};
}

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED
