// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_RELAY_HPP_INCLUDED
#define WSCLOSE_RELAY_HPP_INCLUDED

// For a proxy that joins two connections, its legs: turns the ending of one leg into a Close frame for the other.

#include <cstdint>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_report.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// The Close frame for the peer of one leg, after the other leg ended as `ended` says. `sender` is the proxy's role on
/// the leg that gets the frame: `role::server` towards a browser, `role::client` towards a backend. The frame is valid
/// for both roles.
///
///     how the other leg ended                                      the frame
///     its peer closed                                              the peer's, also if it is empty (1005)
///     its peer closed with 1002, 1010, or an uncertain code        1014 or 1001, with the peer's text
///     we closed it with no code, 1000, 1001, 1011, 1012 or 1013    ours
///     we closed it with another code                               1014 or 1001
///     its peer broke the protocol, or sent an invalid Close frame  1014 or 1001
///     without a Close frame (1006)                                 1014 or 1001
///     it was never established, or TLS failed (1015)               1014 or 1001, with `error()` as the text
///
/// "1014 or 1001": a server sends 1014 (bad_gateway), the code of a gateway that got an invalid response from upstream
/// (IANA registry); a client sends 1001 (going_away), as a browser that leaves does (RFC 6455 section 7.4.1). 1002 and
/// 1010 are about the frames and the extensions of one connection, so they do not concern the other leg's peer. A text
/// of ours was meant for the peer that got it, and is not passed on with 1014 or 1001. `error()` may name hosts behind
/// the proxy: if the peer must not read that, send the code alone.
constexpr close_frame relayed(const close_report &ended, role sender) noexcept;

/// The same as soon as the other leg's peer has sent a Close frame, before the leg has ended. `received` is what
/// `close_frame::parse()` returns for it.
constexpr close_frame relayed(const parse_result &received, role sender) noexcept;

namespace detail {
/// What a code is about.
enum class subject : std::uint8_t {
    sender,     ///< its sender, so it may go to every peer
    receiver,   ///< what its receiver did, so a proxy's own goes to that peer only
    connection, ///< this one connection
};

constexpr subject subject_of(close_code code) noexcept {
    switch (code) {
    case close_code::normal_closure:
    case close_code::going_away:
    case close_code::no_status_received:
    case close_code::internal_error:
    case close_code::service_restart:
    case close_code::try_again_later: return subject::sender;
    case close_code::protocol_error:
    case close_code::abnormal_closure:
    case close_code::mandatory_extension:
    case close_code::tls_handshake: return subject::connection;
    case close_code::unsupported_data:
    case close_code::invalid_payload:
    case close_code::policy_violation:
    case close_code::message_too_big:
    case close_code::bad_gateway:
    case close_code::unauthorized:
    case close_code::forbidden:
    case close_code::timeout: break;
    }
    return subject::receiver; // as all codes of applications
}

/// The frame if the other leg left no code that can be passed on.
constexpr close_frame leg_is_lost(role sender, std::string_view text = {}) noexcept {
    return close_frame::fit(sender == role::server ? close_code::bad_gateway : close_code::going_away, text, sender);
}
} // namespace detail

constexpr close_frame relayed(const parse_result &received, role sender) noexcept {
    const bool is_for_both = received && detail::subject_of(received.frame.code()) != detail::subject::connection;
    return is_for_both ? received.frame : detail::leg_is_lost(sender, received.frame.reason());
}

constexpr close_frame relayed(const close_report &ended, role sender) noexcept {
    const close_frame *const theirs = ended.received(), *const ours = ended.sent();
    if (theirs && (ended.initiator() == initiator::peer || !ours))
        return ended.code_uncertain() ? detail::leg_is_lost(sender, theirs->reason())
                                      : relayed(parse_result{*theirs, parse_error::none, 0}, sender);
    if (ours && detail::subject_of(ours->code()) == detail::subject::sender)
        return *ours;
    return detail::leg_is_lost(sender, ended.error());
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_RELAY_HPP_INCLUDED
