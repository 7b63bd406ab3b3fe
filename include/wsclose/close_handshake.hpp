// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_HANDSHAKE_HPP_INCLUDED
#define WSCLOSE_CLOSE_HANDSHAKE_HPP_INCLUDED

// The closing handshake of one connection (RFC 6455 section 7) as a state machine without I/O, and
// the report that each connection ends in.

#include <cstdint>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>

namespace wsclose {

/// Who ended a connection.
enum class initiator : std::uint8_t {
    transport, ///< nobody said so: the connection ended, or never came about
    local,     ///< this program
    peer,      ///< the other end, by a Close frame, be it a good one or not
    library,   ///< libwebsockets: the peer broke the protocol, or a timeout ran out
};

/// Whether the peer answered our Close frame (or we its).
enum class acknowledgement : std::uint8_t {
    no,
    yes,
    inferred, ///< the library saw the end of the handshake but does not show it
};

/// The name of a value as its enumerator spells it.
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

/// The name of a value as its enumerator spells it.
constexpr std::string_view name(acknowledgement value) noexcept {
    using namespace std::string_view_literals;
    switch (value) {
    case acknowledgement::no: break;
    case acknowledgement::yes: return "yes"sv;
    case acknowledgement::inferred: return "inferred"sv;
    }
    return "no"sv;
}

/// How a connection ended. `close_handshake` makes it.
class close_report {
public:
    constexpr close_report() noexcept
        : ours_(ours::none), theirs_(theirs::none), failure_(failure::none), initiator_(wsclose::initiator::transport),
          violation_(parse_error::none), code_uncertain_(false), over_(false) {}

    /// The code of the Close frame that came first: 1005 if it held none, 1006 if there was no Close
    /// frame that we saw, 1015 if TLS failed before there could be one. For a frame of the peer's that
    /// broke the rules, the code that it was answered with.
    constexpr close_code code() const noexcept {
        const close_frame *frame = first();
        return frame                      ? frame->code()
               : failure_ == failure::tls ? close_code::tls_handshake
                                          : close_code::abnormal_closure;
    }

    /// The text that goes with `code()`, at most 123 bytes of valid UTF-8. It lives as long as this report.
    constexpr std::string_view reason() const noexcept {
        const close_frame *frame = first();
        return frame ? frame->reason() : std::string_view();
    }

    /// The peer's Close frame; null if there was none that we saw, or none that kept the rules.
    constexpr const close_frame *received() const noexcept {
        return theirs_ == theirs::read && violation_ == parse_error::none ? &received_ : nullptr;
    }

    /// Whether the peer's code may have been changed before anybody saw it. True for each 1002 that
    /// came through libwebsockets, which puts it in the place of codes that nobody may send, and of
    /// some that are fine (docs/lws-behaviour.md).
    constexpr bool code_uncertain() const noexcept { return code_uncertain_; }

    /// Our Close frame as it went onto the wire; null if none did.
    constexpr const close_frame *sent() const noexcept { return ours_ == ours::sent ? &sent_ : nullptr; }

    /// What was wrong with the peer's Close frame; `none` if nothing was, or there was no frame.
    constexpr parse_error violation() const noexcept { return violation_; }

    /// Who ended the connection.
    constexpr wsclose::initiator initiator() const noexcept { return initiator_; }

    /// Whether a Close frame of ours and one of the peer's both went over the wire.
    constexpr acknowledgement acknowledged() const noexcept {
        return ours_ != ours::sent || theirs_ == theirs::none ? acknowledgement::no
               : theirs_ == theirs::unseen                    ? acknowledgement::inferred
                                                              : acknowledgement::yes;
    }

    /// Whether the closing handshake is known to have been completed: a Close frame each way, both
    /// within the rules. RFC 6455 section 7.1.4. If `acknowledged()` is `inferred`, so is this. False
    /// if the peer's code is not certain: it may have been one that nobody may send.
    constexpr bool clean() const noexcept {
        return acknowledged() != acknowledgement::no && violation_ == parse_error::none && !code_uncertain_;
    }

    /// Why a connection was never established, as the library put it, at most 123 bytes; that it
    /// failed, if no more is known. Empty otherwise.
    constexpr std::string_view error() const noexcept {
        if (failure_ == failure::none)
            return {};
        return received_.reason().empty() ? std::string_view("the connection failed") : received_.reason();
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

    close_frame received_; // or, if the connection was never established, why
    close_frame sent_;     // ours; on the wire once it is sent, before that as it was asked for

    ours               ours_ : 2;
    theirs             theirs_ : 2;
    failure            failure_ : 2;
    wsclose::initiator initiator_ : 2;
    parse_error        violation_ : 3;
    bool               code_uncertain_ : 1;
    bool               over_ : 1;
};

/// What the owner of a `close_handshake` is to do after an input.
enum class close_step : std::uint8_t {
    none,
    send,         ///< write the frame `report().sent()` to the wire
    send_and_end, ///< write the frame `report().sent()` to the wire, then end the connection
    end,          ///< end the connection: the handshake is complete
};

/// The closing handshake of one connection, seen from one end. Put in what happens, do what it says,
/// read the report at the end. All-zero memory is a valid start. Any input is allowed at any time;
/// one that comes too late changes nothing.
///
/// Each side's half is one of three. What follows from them, and from who was first, is derived:
///
///     ours    none -> requested -> sent        sent -> requested, if it is lost
///     theirs  none -> read, or unseen: it came, but nobody can say what it was
///
///     input              ours before        ours after   asks for
///     request, fail      none, theirs none  requested
///     send               none, requested    sent         send
///     receive            none, requested    sent         send_and_end
///     receive            sent               sent         end
///     receive_unseen     sent               sent         end
///     lose               sent               requested
///     transport_closed   any                any          (and it is over)
class close_handshake {
public:
    enum class state : std::uint8_t {
        open,
        closing, ///< a Close frame was asked for, sent or received
        closed,  ///< the connection is over; the report is final
    };

    constexpr state current() const noexcept {
        return report_.over_ ? state::closed : is_open() ? state::open : state::closing;
    }
    constexpr const close_report &report() const noexcept { return report_; }

    /// The frame that waits to be sent; null if there is none.
    constexpr const close_frame *requested() const noexcept {
        return report_.ours_ == ours::requested && !report_.over_ ? &report_.sent_ : nullptr;
    }

    /// The program asks for a Close frame that cannot go onto the wire yet. False if the connection is
    /// already closing or closed: the first close wins.
    constexpr bool request(const close_frame &frame) noexcept { return ask_for(frame, initiator::local); }

    /// Our own stack fails the connection, and `frame` is to say why. RFC 6455 section 7.1.7. False as
    /// for `request`.
    constexpr bool fail(const close_frame &frame) noexcept { return ask_for(frame, initiator::library); }

    /// The program's Close frame goes onto the wire now; one that was requested goes in its stead.
    constexpr close_step send(const close_frame &frame) noexcept {
        request(frame);
        return send();
    }

    /// The frame that was requested goes onto the wire now.
    constexpr close_step send() noexcept {
        if (!requested())
            return close_step::none;
        report_.ours_ = ours::sent;
        return close_step::send;
    }

    /// What was sent did not reach the wire.
    constexpr void lose() noexcept {
        if (report_.ours_ == ours::sent && !report_.over_)
            report_.ours_ = ours::requested;
    }

    /// The peer's Close frame came. RFC 6455 section 5.5.1. `code_uncertain` says that its code may have been
    /// changed on the way.
    constexpr close_step receive(const parse_result &result, bool code_uncertain = false) noexcept {
        if (report_.over_ || report_.theirs_ != theirs::none)
            return close_step::none;
        report_.theirs_         = theirs::read;
        report_.violation_      = result.error;
        report_.received_       = result.frame;
        report_.code_uncertain_ = code_uncertain && result;
        if (report_.ours_ == ours::sent)
            return close_step::end;
        if (report_.ours_ == ours::none || !result) // a request that the peer's Close overtakes is the answer to it
            report_.sent_ = result.answer();
        report_.ours_      = ours::sent;
        report_.initiator_ = initiator::peer;
        return close_step::send_and_end;
    }

    /// A Close frame of the peer's came that nobody can show.
    constexpr close_step receive_unseen() noexcept {
        if (report_.over_ || report_.theirs_ != theirs::none)
            return close_step::none;
        if (is_open())
            report_.initiator_ = initiator::peer;
        report_.theirs_ = theirs::unseen;
        return close_step::end;
    }

    /// The connection is over. `who` says who ended it if no Close frame did.
    constexpr void transport_closed(initiator who = initiator::transport) noexcept {
        if (current() == state::open)
            report_.initiator_ = who;
        report_.over_ = true;
    }

    /// The connection was never established; `text` says why and is kept, made valid and cut to 123 bytes.
    constexpr void connect_failed(std::string_view text, bool in_tls = false) noexcept {
        if (report_.ours_ != ours::sent && report_.theirs_ == theirs::none && !report_.over_) {
            report_.received_ = close_frame::fit(close_code::internal_error, text);
            report_.failure_  = in_tls ? failure::tls : failure::transport;
        }
        transport_closed();
    }

private:
    using ours    = close_report::ours;
    using theirs  = close_report::theirs;
    using failure = close_report::failure;

    constexpr bool is_open() const noexcept {
        return report_.ours_ == ours::none && report_.theirs_ == theirs::none && !report_.over_;
    }

    constexpr bool ask_for(const close_frame &frame, initiator who) noexcept {
        if (!is_open())
            return false;
        report_.ours_      = ours::requested;
        report_.sent_      = frame;
        report_.initiator_ = who;
        return true;
    }

    close_report report_;
};

} // namespace wsclose

#endif // WSCLOSE_CLOSE_HANDSHAKE_HPP_INCLUDED
