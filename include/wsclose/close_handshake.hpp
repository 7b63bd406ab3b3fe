// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_HANDSHAKE_HPP_INCLUDED
#define WSCLOSE_CLOSE_HANDSHAKE_HPP_INCLUDED

// The closing handshake of one connection (RFC 6455 section 7) as a state machine without I/O.

#include <cstdint>
#include <string_view>

#include <wsclose/close_frame.hpp>
#include <wsclose/close_report.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// What the owner of a `close_handshake` does after an input.
enum class close_step : std::uint8_t {
    none,         ///< nothing
    send,         ///< write the frame `report().sent()` to the wire
    send_and_end, ///< write the frame `report().sent()` to the wire, then end the connection
    end,          ///< end the connection: the handshake is complete
};

/// What is known of a client's attempt to connect that failed.
struct failed_attempt {
    std::string_view error;                        ///< why, in words
    cause            why         = cause::unknown; ///< for `close_report::cause()`
    std::uint16_t    http_status = 0;              ///< if the server answered
    std::uint32_t    retry_after = 0;              ///< in seconds, if the server asks to come back then
};

/// The closing handshake of one connection, seen from one side. Feed it events, do what it returns,
/// read the report at the end. All-zero memory is a valid start. Any input is allowed at any time.
///
/// Each side's half is in one of three states:
///
///     ours    none, requested: asked for, but not on the wire; sent
///     theirs  none, read, unseen: arrived unread
///
/// The effect of each input on them, the initiator (if it changes), and the step:
///
///     input              ours               theirs          initiator  step
///     request            none -> requested  none            local      none
///     fail               none -> requested  none            library    none
///     send(frame)        none -> sent       none            local      send
///     send, send(frame)  requested -> sent  any                        send
///     receive            none -> sent       none -> read    peer       send_and_end
///     receive            requested -> sent  none -> read    peer       send_and_end
///     receive            sent               none -> read               end
///     receive_unseen     none               none -> unseen  peer       end
///     receive_unseen     requested          none -> unseen             end
///     receive_unseen     sent               none -> unseen             end
///     lose               sent -> requested  any                        none
///     transport_closed   none               none            by cause   none
///     connect_failed     none               none            transport  none
///
/// Any other input, such as `established` and `ends_by`, changes none of these and returns `none`. `transport_closed`
/// and `connect_failed` also end the connection, whatever its state; every later input is ignored.
class close_handshake {
public:
    /// The stages of a connection's closing.
    enum class state : std::uint8_t {
        open,    ///< no Close frame was requested, sent or received
        closing, ///< a Close frame was requested, sent or received
        closed,  ///< the connection is over; the report is final
    };

    /// The stage now.
    constexpr state current() const noexcept {
        return report_.over_ ? state::closed : is_open() ? state::open : state::closing;
    }
    /// How the connection ends, as far as is known; final once `current()` is `closed`.
    constexpr const close_report &report() const noexcept { return report_; }

    /// The frame that waits to be sent; null if there is none.
    constexpr const close_frame *requested() const noexcept {
        return report_.ours_ == ours::requested && !report_.over_ ? &report_.sent_ : nullptr;
    }

    /// The program asks for a Close frame that cannot go onto the wire yet. Returns false if the
    /// connection is already closing or closed: the first close wins.
    constexpr bool request(const close_frame &frame) noexcept { return ask_for(frame, initiator::local); }

    /// Our own stack fails the connection, and `frame` says why (RFC 6455 section 7.1.7). Same result as `request`.
    constexpr bool fail(const close_frame &frame) noexcept { return ask_for(frame, initiator::library); }

    /// The program's Close frame goes onto the wire now. If one was requested, that one goes instead.
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

    /// The frame that was sent did not reach the wire: it counts as requested again.
    constexpr void lose() noexcept {
        if (report_.ours_ == ours::sent && !report_.over_)
            report_.ours_ = ours::requested;
    }

    /// The peer's Close frame came (RFC 6455 section 5.5.1). `code_uncertain`: its code may have changed on its way.
    constexpr close_step receive(const parse_result &result, bool code_uncertain = false) noexcept {
        if (report_.over_ || report_.theirs_ != theirs::none)
            return close_step::none;
        report_.theirs_         = theirs::read;
        report_.violation_      = result.error;
        report_.received_       = result.frame;
        report_.code_uncertain_ = code_uncertain && bool(result);
        if (report_.ours_ == ours::sent)
            return close_step::end;
        if (report_.ours_ == ours::none || !result) // otherwise our requested frame answers it
            report_.sent_ = result.answer();
        report_.ours_      = ours::sent;
        report_.initiator_ = initiator::peer;
        return close_step::send_and_end;
    }

    /// The peer's Close frame arrived unread.
    constexpr close_step receive_unseen() noexcept {
        if (report_.over_ || report_.theirs_ != theirs::none)
            return close_step::none;
        if (is_open())
            report_.initiator_ = initiator::peer;
        report_.theirs_ = theirs::unseen;
        return close_step::end;
    }

    /// The WebSocket is established. `now` is in milliseconds, of a clock that only goes forward.
    constexpr void established(std::int64_t now) noexcept {
        if (report_.over_)
            return;
        report_.is_established_ = true;
        report_.time_           = ticks(now);
    }

    /// The connection is about to end for this cause, unless a Close frame still goes each way. The first cause counts.
    constexpr void ends_by(cause why) noexcept {
        if (report_.why_ == cause::unknown && !report_.over_)
            report_.why_ = why;
    }

    /// The connection is over at `now`, of the same clock. `why` is its cause, if none is known yet. It says who ended
    /// the connection, if nobody had begun to close it.
    constexpr void transport_closed(cause why = cause::unknown, std::int64_t now = 0) noexcept {
        if (report_.over_)
            return;
        ends_by(why);
        if (is_open())
            report_.initiator_ = initiator_of(report_.why_);
        if (!report_.failed_)
            report_.time_ = report_.is_established_ ? ticks(now) - report_.time_ : 0;
        report_.over_ = true;
    }

    /// The connection was never established. The report keeps `attempt.error`, made valid UTF-8 and cut to 123 bytes.
    constexpr void connect_failed(const failed_attempt &attempt) noexcept {
        if (report_.ours_ != ours::sent && report_.theirs_ == theirs::none && !report_.over_) {
            report_.received_    = close_frame::fit(close_code::internal_error, attempt.error);
            report_.http_status_ = attempt.http_status & 0x3FF;
            report_.time_        = attempt.retry_after;
            report_.failed_      = true;
        }
        transport_closed(attempt.why);
    }

private:
    using ours   = close_report::ours;
    using theirs = close_report::theirs;

    static constexpr std::uint32_t ticks(std::int64_t milliseconds) noexcept {
        return static_cast<std::uint32_t>(milliseconds / 10);
    }

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

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_CLOSE_HANDSHAKE_HPP_INCLUDED
