// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_CLOSER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_CLOSER_HPP_INCLUDED

// Writes the Close frames of a `connection`: every one of them, once.

#include <cstddef>
#include <cstdint>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/deadline.hpp>
#include <wsclose/lws/detail/event.hpp>
#include <wsclose/lws/detail/evidence.hpp>
#include <wsclose/lws/detail/verdict.hpp>
#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// The part of `tracker` that decides when a Close frame goes out, and when the connection ends without. Lasts for one
/// callback.
class closer {
protected:
    using stage = connection::stage;
    using queue = connection::queue;

    closer(connection &c, lws *wsi) noexcept : c_(c), wsi_(wsi) {}

    bool closing() const noexcept { return c_.handshake_.current() != close_handshake::state::open; }

    /// Whether our Close frame went out, and the peer's has not come.
    bool waits_for_answer() const noexcept {
        return c_.report().sent() && c_.report().acknowledged() == acknowledgement::no;
    }

    /// Whether the program has had the chance to write before the frame that waits.
    bool waits_for_program() const noexcept { return waits_for_program_; }

    /// The socket has room: the program writes, or the frame that was asked for goes out.
    decision on_writeable() noexcept {
        if (c_.stage_ == stage::ending)
            return {false};
        if (!closing())
            return {};
        if (!c_.handshake_.requested())
            return {false};
        if (c_.queue_ == queue::empty || c_.deadline_.left() <= c_.time_to_take() / 2) // it may never stop writing
            return {false, send_requested()};
        c_.queue_          = queue::unknown;
        waits_for_program_ = true;
        taken_             = bytes_taken(wsi_);
        return {};
    }

    /// The program had the chance to write, and a Close frame waits. lws does not say whether the program has asked
    /// for another writeable callback. If it wrote nothing, it has nothing. If it wrote, lws is given three rounds of
    /// its event loop to bring that callback.
    int after_writing() noexcept {
        const bool has_asked = c_.queue_ == queue::asked;
        if (!has_asked && !wrote_nothing()) {
            c_.quiet_ = 3;
            await_round();
            return 0;
        }
        c_.deadline_.keep(wsi_); // the program may have set the timer for itself
        return has_asked ? 0 : send_requested();
    }

    /// Whether the program surely wrote nothing in its callback.
    bool wrote_nothing() const noexcept {
        return taken_ != 0 && bytes_taken(wsi_) == taken_ && !compresses(wsi_) && !holds_data(wsi_);
    }

    /// Sets the timer for the next of common times, 2 ms apart: so that libuv, which may fire a timer of less than 1 ms
    /// at once, looks at its sockets between two of them.
    void await_round() const noexcept {
        constexpr lws_usec_t round = 2 * LWS_US_PER_MS;
        lws_set_timer_usecs(wsi_, 2 * round - lws_now_usecs() % round);
    }

    /// Writes the frame that was asked for. Returns the result for lws.
    int send_requested() noexcept {
        if (!write_taken_close_frame(wsi_, *c_.handshake_.requested(), c_.here_))
            return -1;
        c_.handshake_.send();
        const std::int32_t limit = c_.time_to_answer(), left = c_.deadline_.left();
        if (left <= limit - limit / 5 || left > limit) // rarely: setting a timer, lws walks the list of all timers
            c_.deadline_.start(wsi_, limit);
        lws_rx_flow_control(wsi_, 1); // the program may have stopped receiving, and the answer must come in
        return 0;
    }

    /// Until the connection begins to close, the timer is the program's. Then it is the deadline's.
    decision on_timer() noexcept {
        if (c_.stage_ == stage::ending) {
            c_.deadline_.start(wsi_, c_.time_to_take()); // over TLS, lws may keep waiting for the peer to end TCP
            return {false, -1};
        }
        const bool is_ending = closing() || c_.report().cause() != cause::unknown;
        if (c_.stage_ < stage::established || !is_ending)
            return {};
        const std::int32_t     left    = c_.deadline_.left();
        constexpr std::int32_t on_time = 100; // ms
        if (left < -on_time) { // the service thread was busy, and lws has yet to read what came meanwhile
            c_.deadline_.start(wsi_, 1);
            return {false};
        }
        const bool is_over = left <= 0;
        if (c_.handshake_.requested() && (is_over || c_.quiet_ != 0) && !lws_send_pipe_choked(wsi_)) {
            const bool must_send = is_over || --c_.quiet_ == 0; // the queue is empty, or its time is over
            const int  result    = must_send ? send_requested() : 0;
            must_send ? c_.deadline_.keep(wsi_) : await_round();
            return {false, result};
        }
        if (is_over) {
            const bool holds = lws_partial_buffered(wsi_) != 0; // our frame too, if it was written
            c_.handshake_.ends_by(waits_for_answer() && !holds ? cause::no_answer : cause::not_reading);
            if (is_stream(wsi_) && !holds) // a timeout would reset it with an error
                return {false, -1};
            lws_set_timeout(wsi_, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC); // -1 would wait for what lws holds
        } else {
            if (c_.quiet_ != 0) // the socket is full: the program gets another callback when it is not
                lws_callback_on_writable(wsi_);
            c_.deadline_.keep(wsi_);
        }
        return {false};
    }

    decision receive_close(const void *in, std::size_t len) noexcept {
        if (c_.stage_ == stage::ending) // lws may parse the same bytes a second time
            return {false, -1};
        const bool         was_open       = !closing();
        const parse_result result         = close_frame::parse(in, len);
        const bool         code_uncertain = result.frame.code() == close_code::protocol_error;
        if (c_.handshake_.receive(result, code_uncertain) != close_step::send_and_end) {
            withhold_prepared_frame(wsi_);
            return {false, -1};
        }
        if (was_open && result)
            return {}; // the program sees it, then after() answers
        return {false, answer()};
    }

    /// Answers the peer's Close frame. Returns the result for lws.
    int answer() noexcept {
        if (!write_last_close_frame(wsi_, *c_.report().sent(), c_.here_))
            c_.handshake_.lose();
        return end_connection();
    }

    /// Makes lws end the connection, once it has sent what it holds or the time is over. Returns the result for lws.
    int end_connection() noexcept {
        if (lws_partial_buffered(wsi_)) {
            c_.deadline_.start(wsi_, c_.time_to_take());
            lws_rx_flow_control(wsi_, 0); // else 4.0 and 4.1 loop for ever if the peer ends TCP now
        }
        return -1;
    }

    /// lws begins to end the connection and has not decided what it sends. What is still to be sent must go out now.
    void write_before_the_end() noexcept {
        c_.stage_ = stage::ending;
        if (lws_partial_buffered(wsi_)) { // lws throws it away
            c_.handshake_.lose();
            if (c_.here_ == role::server && close_came_last(wsi_))
                c_.handshake_.receive_unseen(); // while a server holds data, lws shows no Close frame
        }
        const bool is_prepared = has_close_reason(wsi_);
        if (c_.report().acknowledged() == acknowledgement::no) {
            const verdict v   = judge(gather_evidence(wsi_, c_.report()));
            const auto    ask = v.why == cause::protocol_violation ? &close_handshake::fail : &close_handshake::request;
            if (v.must_send_prepared)
                (c_.handshake_.*ask)(prepared_frame(wsi_, c_.here_));
            c_.handshake_.ends_by(v.why);
        }
        const close_frame *const frame = c_.handshake_.requested();
        if (frame && write_while_ending(wsi_, *frame, c_.here_))
            c_.handshake_.send();
        if (is_prepared) { // lws would send its own frame next, so it must not be able to
            if (!is_stream(wsi_))
                shut_sending_side(wsi_);
            lws_set_timer_usecs(wsi_, -LWS_US_PER_SEC); // overdue: on_timer() ends it before lws can send
        } else if (lws_is_ssl(wsi_)) {                  // lws waits for the peer to end TCP, longer than we do
            c_.deadline_.start(wsi_, c_.time_to_take());
        }
    }

    connection &c_;
    lws        *wsi_;

private:
    bool          waits_for_program_ = false;
    std::uint64_t taken_             = 0; // by the kernel before the program's callback
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_CLOSER_HPP_INCLUDED
