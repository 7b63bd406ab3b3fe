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

namespace detail {
    /// What the lean form keeps of a Close frame: its code.
    class code_only {
    public:
        constexpr code_only() noexcept = default;
        constexpr code_only(const close_frame &frame) noexcept
            : code_(frame.has_code() ? frame.code() : close_code::no_status_received) {}
        constexpr operator close_frame() const noexcept {
            return code() == close_code::no_status_received ? close_frame() : close_frame::fit(code_);
        }

        constexpr close_code       code() const noexcept { return code_; }
        constexpr std::string_view reason() const noexcept { return {}; }

        friend constexpr bool operator==(code_only a, code_only b) noexcept { return a.code_ == b.code_; }
        friend constexpr bool operator!=(code_only a, code_only b) noexcept { return !(a == b); }
        friend constexpr bool operator==(code_only a, const close_frame &b) noexcept { return a == code_only(b); }
        friend constexpr bool operator!=(code_only a, const close_frame &b) noexcept { return a != code_only(b); }
        friend constexpr bool operator==(const close_frame &a, code_only b) noexcept { return b == a; }
        friend constexpr bool operator!=(const close_frame &a, code_only b) noexcept { return b != a; }

    private:
        close_code code_{}; // zero in memory of zeros
    };
} // namespace detail

/// How a connection ended: a `close_report`, or a `lean_close_report`, which keeps the codes alone.
/// `basic_close_handshake` makes it.
template <class Frame>
class basic_close_report {
public:
    constexpr basic_close_report() noexcept
        : has_received_(false), has_sent_(false), peer_first_(false), obscured_(false), failed_(false),
          failed_in_tls_(false), acknowledged_(acknowledgement::no), violation_(parse_error::none),
          initiator_(wsclose::initiator::transport) {}

    /// A `close_report` of a lean one: its texts are empty.
    template <class Other>
    constexpr basic_close_report(const basic_close_report<Other> &lean) noexcept
        : received_(lean.received_), sent_(lean.sent_), has_received_(lean.has_received_), has_sent_(lean.has_sent_),
          peer_first_(lean.peer_first_), obscured_(lean.obscured_), failed_(lean.failed_),
          failed_in_tls_(lean.failed_in_tls_), acknowledged_(lean.acknowledged_), violation_(lean.violation_),
          initiator_(lean.initiator_) {}

    /// The code of the Close frame that came first: 1005 where it held none, 1006 where there was no
    /// Close frame, 1015 where TLS failed before there could be one. For a frame of the peer's that
    /// broke the rules, the code that it was answered with.
    constexpr close_code code() const noexcept {
        const Frame *frame = first();
        return frame ? frame->code() : failed_in_tls_ ? close_code::tls_handshake : close_code::abnormal_closure;
    }

    /// The text that goes with `code()`, at most 123 bytes of valid UTF-8. It lives as long as this report.
    constexpr std::string_view reason() const noexcept {
        const Frame *frame = first();
        return frame ? frame->reason() : std::string_view();
    }

    /// The peer's Close frame; null where there was none, or none that kept the rules.
    constexpr const Frame *received() const noexcept { return has_received_ ? &received_ : nullptr; }

    /// Whether the library may have put another code in the place of the peer's before anybody saw it.
    /// True for each 1002 that came through an lws that does so: it stands for 1002 itself, for 1012
    /// to 1014, or for a code that nobody may send (docs/lws-behaviour.md).
    constexpr bool obscured() const noexcept { return obscured_; }

    /// Our Close frame as it went onto the wire; null where none did.
    constexpr const Frame *sent() const noexcept { return has_sent_ ? &sent_ : nullptr; }

    /// What was wrong with the peer's Close frame; `none` where there was nothing, or no frame.
    constexpr parse_error violation() const noexcept { return violation_; }

    /// Who ended the connection.
    constexpr wsclose::initiator initiator() const noexcept { return initiator_; }

    /// Whether a Close frame of ours and one of the peer's both went over the wire.
    constexpr acknowledgement acknowledged() const noexcept { return acknowledged_; }

    /// Whether the closing handshake was completed: a Close frame each way, both within the rules.
    /// RFC 6455 section 7.1.4. Where `acknowledged()` is `inferred`, so is this.
    constexpr bool clean() const noexcept {
        return acknowledged_ != acknowledgement::no && violation_ == parse_error::none;
    }

    /// Why a connection never came about, as the library put it, at most 123 bytes; that it failed,
    /// where no more is known. Empty otherwise.
    constexpr std::string_view error() const noexcept {
        if (!failed_)
            return {};
        return received_.reason().empty() ? std::string_view("the connection failed") : received_.reason();
    }

private:
    template <class>
    friend class basic_close_report;
    template <class>
    friend class basic_close_handshake;

    constexpr const Frame *first() const noexcept {
        if (peer_first_)
            return has_received_ ? &received_ : sent();
        return has_sent_ ? &sent_ : received();
    }

    Frame received_; // or, where the connection never came about, the error's text
    Frame sent_;     // on the wire where has_sent_, before that as asked for

    bool               has_received_ : 1;
    bool               has_sent_ : 1;
    bool               peer_first_ : 1;
    bool               obscured_ : 1;
    bool               failed_ : 1; // the connection never came about
    bool               failed_in_tls_ : 1;
    acknowledgement    acknowledged_ : 2;
    parse_error        violation_ : 3;
    wsclose::initiator initiator_ : 2;
};

using close_report      = basic_close_report<close_frame>;
using lean_close_report = basic_close_report<detail::code_only>;

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
template <class Frame>
class basic_close_handshake {
public:
    constexpr basic_close_handshake() noexcept : state_(state::open), requested_(false), answered_(false) {}

    enum class state : std::uint8_t {
        open,
        closing, ///< a Close frame was asked for, sent or received
        closed,  ///< the connection is over; the report is final
    };

    constexpr state                            current() const noexcept { return state_; }
    constexpr const basic_close_report<Frame> &report() const noexcept { return report_; }

    /// The frame that `request` left to be sent; null where there is none.
    constexpr const Frame *requested() const noexcept { return requested_ ? &report_.sent_ : nullptr; }

    /// The program asks for a Close frame that can not go onto the wire yet. False where the
    /// connection is already closing or closed: the first close wins.
    constexpr bool request(const Frame &frame) noexcept {
        if (state_ != state::open)
            return false;
        state_             = state::closing;
        requested_         = true;
        report_.sent_      = frame;
        report_.initiator_ = initiator::local;
        return true;
    }

    /// The program's Close frame goes onto the wire now; one that was requested goes in its stead.
    constexpr close_step send(const Frame &frame) noexcept {
        request(frame);
        if (!requested_)
            return close_step::none;
        mark_sent();
        return close_step::send;
    }

    /// What was requested can only go onto the wire as `frame`.
    constexpr void amend(const Frame &frame) noexcept {
        if (requested_)
            report_.sent_ = frame;
    }

    /// The frame that was requested goes onto the wire now.
    constexpr void send() noexcept {
        if (requested_)
            mark_sent();
    }

    /// The peer's Close frame came. RFC 6455 section 5.5.1. `obscured` says that the library may have
    /// changed its code.
    constexpr close_step receive(const parse_result &result, bool obscured = false) noexcept {
        const bool ours_is_out = report_.has_sent_;
        if (state_ == state::closed || answered_)
            return close_step::none;
        state_    = state::closing;
        answered_ = true;
        if (result) {
            report_.received_     = result.frame;
            report_.has_received_ = true;
            report_.obscured_     = obscured;
        } else {
            report_.violation_ = result.error;
        }
        report_.acknowledged_ = acknowledgement::yes;
        if (ours_is_out)
            return close_step::end;
        report_.peer_first_ = true;
        report_.initiator_  = initiator::peer;
        if (!requested_ || !result) // a request that the peer's Close overtakes is the answer to it
            report_.sent_ = result.answer();
        mark_sent();
        return close_step::send_and_end;
    }

    /// The library tells that the peer answered our Close frame, but not with what. `how` is
    /// `inferred` where it is only known that the connection ended as it does after an answer.
    constexpr close_step acknowledge(acknowledgement how = acknowledgement::yes) noexcept {
        if (state_ != state::closing || answered_ || !report_.has_sent_)
            return close_step::none;
        answered_             = true;
        report_.acknowledged_ = how;
        return close_step::end;
    }

    /// The library fails the connection by itself. RFC 6455 section 7.1.7. `frame` is what it sends;
    /// null where it sends nothing. With `sent` false the frame is only prepared, and `requested`,
    /// until `send` says that it went out.
    constexpr void library_failed(const Frame *frame, bool sent = true) noexcept {
        if (state_ != state::open)
            return;
        state_             = state::closing;
        report_.initiator_ = initiator::library;
        if (!frame)
            return;
        report_.sent_     = *frame;
        report_.has_sent_ = sent;
        requested_        = !sent;
    }

    /// The answer that `receive` asked for could not be written yet and was left to the library: that
    /// it goes out is inferred from now on.
    constexpr void answer_deferred() noexcept { report_.acknowledged_ = acknowledgement::inferred; }

    /// The answer that `receive` asked for did not go out.
    constexpr void answer_lost() noexcept {
        report_.has_sent_     = false;
        report_.acknowledged_ = acknowledgement::no;
    }

    /// The connection is over. `who` says who ended it where no Close frame did.
    constexpr void transport_closed(initiator who = initiator::transport) noexcept {
        if (state_ == state::open)
            report_.initiator_ = who;
        state_     = state::closed;
        requested_ = false;
    }

    /// The connection never came about; `text` says why and is kept, made valid and cut to 123 bytes.
    constexpr void connect_failed(std::string_view text, bool in_tls = false) noexcept {
        if (state_ == state::open || requested_) {
            report_.received_      = close_frame::fit(close_code::internal_error, text);
            report_.failed_        = true;
            report_.failed_in_tls_ = in_tls;
        }
        transport_closed();
    }

private:
    constexpr void mark_sent() noexcept {
        requested_        = false;
        report_.has_sent_ = true;
    }

    basic_close_report<Frame> report_;
    state                     state_ : 2;
    bool                      requested_ : 1;
    bool                      answered_ : 1; // the peer's answer, or its own Close frame, is in
};

using close_handshake      = basic_close_handshake<close_frame>;
using lean_close_handshake = basic_close_handshake<detail::code_only>;

} // namespace wsclose

#endif // WSCLOSE_CLOSE_HANDSHAKE_HPP_INCLUDED
