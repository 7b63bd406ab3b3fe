// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED

// Who ends a connection, judged from what can be seen as it begins to end.

#include <cstdint>

#include <wsclose/close_report.hpp>

namespace wsclose::detail {

/// What frame lws has ready to send.
enum class prepared : std::uint8_t {
    nothing,
    by_program, ///< by lws_close_reason()
    by_lws,     ///< the peer broke the protocol
};

/// What is known when lws begins to end an open connection: no Close frame was asked for, sent or received.
struct evidence {
    prepared frame                = prepared::nothing;
    bool     dropped_by_program   = false; ///< its callback returned -1
    bool     context_is_destroyed = false;
    bool     peer_ended_tcp       = false; ///< by a FIN or a reset
    bool     layer_may_have_ended = false; ///< TLS or HTTP/2, whose ends lws does not show
};

struct verdict {
    initiator who;
    bool      must_send_prepared; ///< the frame that lws has ready is still to go out
};

constexpr verdict judge(const evidence &seen) noexcept {
    // lws fails the connection, and RFC 6455 section 7.1.7 asks it to say why, even if the peer has ended TCP.
    if (seen.frame == prepared::by_lws)
        return {initiator::library, true};
    // The program left a frame for whenever the connection ends. Behind the peer's FIN it would say nothing true.
    if (seen.frame == prepared::by_program && !seen.peer_ended_tcp)
        return {initiator::local, true};
    if (seen.dropped_by_program)
        return {initiator::local, false};
    // Before the context: what the peer did is seen late, when the context is destroyed.
    if (seen.peer_ended_tcp)
        return {initiator::transport, false};
    if (seen.context_is_destroyed)
        return {initiator::local, false};
    // TCP is whole. So lws ended the connection, unless TLS or HTTP/2 did, unseen.
    return {seen.layer_may_have_ended ? initiator::transport : initiator::library, false};
}

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED
