// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_REPORT_HPP_INCLUDED
#define WSCLOSE_CLOSE_REPORT_HPP_INCLUDED

// How one connection ended: who ended it, with which Close frame in each direction, and whether cleanly.

#include <cstdint>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>

namespace wsclose {

/// Who ended a connection.
enum class initiator : std::uint8_t {
    transport, ///< nobody asked for it: the connection broke, or could not be established
    local,     ///< this program, even if the connection failed after it asked
    peer,      ///< the other side, by a Close frame, valid or not
    library,   ///< our own stack failed the connection: the peer broke the protocol, or a timeout ran out
};

/// Whether a Close frame went each way.
enum class acknowledgement : std::uint8_t {
    no,
    yes,
    inferred, ///< the peer's arrived unread
};

/// The enumerator's name.
constexpr std::string_view name(initiator who) noexcept {
    using namespace std::string_view_literals;
    switch (who) {
    case initiator::transport: break;
    case initiator::local: return "local"sv;
    case initiator::peer: return "peer"sv;
    case initiator::library: return "library"sv;
    }
    return "transport"sv;
}

/// The enumerator's name.
constexpr std::string_view name(acknowledgement value) noexcept {
    using namespace std::string_view_literals;
    switch (value) {
    case acknowledgement::no: break;
    case acknowledgement::yes: return "yes"sv;
    case acknowledgement::inferred: return "inferred"sv;
    }
    return "no"sv;
}

/// How a connection ended. Only a `close_handshake` fills one in.
class close_report {
public:
    /// The code of the Close frame that came first: 1005 if it held none, 1006 if no Close frame was
    /// seen, 1015 if TLS failed before there could be one. If the peer closed with an invalid frame,
    /// the code of our answer.
    constexpr close_code code() const noexcept {
        const close_frame *frame = first();
        return frame                      ? frame->code()
               : failure_ == failure::tls ? close_code::tls_handshake
                                          : close_code::abnormal_closure;
    }

    /// The text that goes with `code()`: valid UTF-8, at most 123 bytes. It lives as long as this report.
    constexpr std::string_view reason() const noexcept {
        const close_frame *frame = first();
        return frame ? frame->reason() : std::string_view();
    }

    /// The peer's Close frame; null if none, or only an invalid one, was seen.
    constexpr const close_frame *received() const noexcept {
        return theirs_ == theirs::read && violation_ == parse_error::none ? &received_ : nullptr;
    }

    /// Whether the code of the peer's Close frame may have changed on its way to us.
    constexpr bool code_uncertain() const noexcept { return code_uncertain_; }

    /// Our Close frame as it went onto the wire; null if none did.
    constexpr const close_frame *sent() const noexcept { return ours_ == ours::sent ? &sent_ : nullptr; }

    /// What was wrong with the peer's Close frame; `none` if it was valid, or not seen.
    constexpr parse_error violation() const noexcept { return violation_; }

    /// Who ended the connection.
    constexpr wsclose::initiator initiator() const noexcept { return initiator_; }

    /// Whether a Close frame went each way. The peer's counts even if it was invalid.
    constexpr acknowledgement acknowledged() const noexcept {
        return ours_ != ours::sent || theirs_ == theirs::none ? acknowledgement::no
               : theirs_ == theirs::unseen                    ? acknowledgement::inferred
                                                              : acknowledgement::yes;
    }

    /// Whether the closing handshake is known to be complete: a Close frame each way, both valid (RFC
    /// 6455 section 7.1.4). True if the peer's arrived unread (`acknowledgement::inferred`). False if the
    /// peer's code is uncertain: it may have been a forbidden one.
    constexpr bool clean() const noexcept {
        return acknowledged() != acknowledgement::no && violation_ == parse_error::none && !code_uncertain_;
    }

    /// Why a connection was never established: at most 123 bytes of valid UTF-8, in the words of
    /// whoever tried; "the connection failed" if they gave none. Empty if the connection was established.
    constexpr std::string_view error() const noexcept {
        if (failure_ == failure::none)
            return {};
        const std::string_view words = received_.reason();
        return words.empty() ? std::string_view("the connection failed") : words;
    }

private:
    friend class close_handshake;

    enum class ours : std::uint8_t { none, requested, sent };
    enum class theirs : std::uint8_t { none, read, unseen };
    enum class failure : std::uint8_t { none, transport, tls };

    constexpr const close_frame *first() const noexcept {
        if (initiator_ == wsclose::initiator::peer)
            return violation_ == parse_error::none ? received() : sent();
        return sent() ? sent() : received();
    }

    close_frame received_; // the peer's; if the connection was never established, its text is `error()`
    close_frame sent_;     // ours; as requested, then as sent

    ours               ours_           = ours::none;
    theirs             theirs_         = theirs::none;
    failure            failure_        = failure::none;
    wsclose::initiator initiator_      = wsclose::initiator::transport;
    parse_error        violation_      = parse_error::none;
    bool               code_uncertain_ = false;
    bool               over_           = false;
};

} // namespace wsclose

#endif // WSCLOSE_CLOSE_REPORT_HPP_INCLUDED
