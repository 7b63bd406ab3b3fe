// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED

// Why a connection ends, judged from what can be seen as it begins to end.

#include <cstdint>

#include <wsclose/close_report.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// What frame lws has ready to send.
enum class prepared : std::uint8_t {
    nothing,
    by_program, ///< by lws_close_reason()
    by_lws,     ///< the peer broke the protocol
};

/// The state of a TCP connection as the peer and the network left it.
enum class tcp : std::uint8_t {
    whole,
    fin,   ///< the peer has ended its side
    reset, ///< the peer has reset it
    lost,  ///< nothing was acknowledged any more, and the kernel gave up
};

/// What is known when lws begins to end an established connection.
struct evidence {
    prepared frame                = prepared::nothing;
    bool     context_is_destroyed = false;
    tcp      transport            = tcp::whole;
    bool     layer_may_have_ended = false; ///< TLS or HTTP/2, whose ends lws does not show
    bool     takes_nothing        = false; ///< the peer has taken nothing for 0.9 s, though the socket is full
    bool     ignored_ping         = false; ///< nothing came since something was sent into a silence
};

struct verdict {
    cause why;
    bool  must_send_prepared; ///< the frame that lws has ready is still to go out
};

constexpr verdict judge(const evidence &seen) noexcept {
    // lws fails the connection, and RFC 6455 section 7.1.7 asks it to say why, even if the peer has ended TCP.
    if (seen.frame == prepared::by_lws)
        return {cause::protocol_violation, true};
    // The program left a frame for whenever the connection ends. Behind the peer's FIN it would say nothing true.
    if (seen.frame == prepared::by_program && seen.transport == tcp::whole)
        return {cause::dropped, true};
    // Before the context: what the peer did is seen late, when the context is destroyed.
    switch (seen.transport) {
    case tcp::whole: break;
    case tcp::fin: return {cause::fin, false};
    case tcp::reset: return {cause::reset, false};
    case tcp::lost: return {cause::lost, false};
    }
    if (seen.context_is_destroyed)
        return {cause::context_destroyed, false};
    // TCP is whole. So lws ended the connection, unless TLS or HTTP/2 did, unseen.
    return {seen.layer_may_have_ended ? cause::unknown
            : seen.takes_nothing      ? cause::not_reading
            : seen.ignored_ping       ? cause::no_pong
                                      : cause::library,
            false};
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_VERDICT_HPP_INCLUDED
