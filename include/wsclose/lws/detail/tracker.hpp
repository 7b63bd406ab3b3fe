// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED

// What the events of lws do to a `connection`. Every Close frame of a tracked connection is written here, once.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/deadline.hpp>
#include <wsclose/lws/detail/event.hpp>
#include <wsclose/lws/detail/evidence.hpp>
#include <wsclose/lws/detail/verdict.hpp>
#include <wsclose/lws/detail/wsi.hpp>

namespace wsclose::detail {

/// Lasts for one callback.
class tracker {
public:
    tracker(connection &c, lws *wsi) noexcept : c_(c), wsi_(wsi), owner_(c.owner_), here_(c.here_), stage_(c.stage_) {}

    /// Whether the connection has begun and is that of `wsi`.
    bool          is_tracked() const noexcept { return c_.linked_.wsi == wsi_; }
    detail::owner owner() const noexcept { return owner_; }
    void          set_owner(detail::owner who) noexcept { owner_ = c_.owner_ = who; }

    void begin(meaning means, std::uint16_t timeout) noexcept {
        here_  = means.begins == beginning::server ? role::server : role::client;
        stage_ = means.what == event::upgrading ? stage::upgrading : stage::begun;
        if (here_ == role::client && stage_ < stage::established && is_plain_request(wsi_))
            stage_ = stage::request;
        begin_again(timeout);
    }

    /// As it was when this tracker was made, or begun.
    void begin_again(std::uint16_t timeout) noexcept {
        c_.owner_      = owner_;
        c_.handshake_  = close_handshake();
        c_.linked_.wsi = wsi_;
        c_.stage_      = stage_;
        c_.ender_      = initiator::transport;
        c_.here_       = here_;
        c_.queue_      = queue::unknown;
        c_.quiet_      = 0;
        if (c_.timeout_ == 0)
            c_.timeout_ = timeout;
    }

    /// Before the program's callback.
    decision before(event what, const void *in, std::size_t len) noexcept {
        switch (what) {
        case event::established: c_.stage_ = stage_ = stage::established; return {};
        case event::received: return {!closing()};
        case event::writeable: return on_writeable();
        case event::timer: return on_timer();
        case event::peer_close: return receive_close(in, len);
        case event::redirected: return {!closing(), -1}; // do not connect elsewhere just to close there
        default: return {};
        }
    }

    /// After the program's callback, which returned `result`. Returns the result for lws.
    int after(event what, int result) noexcept {
        switch (what) {
        case event::peer_close: return answer();
        case event::established:
            if (c_.handshake_.requested()) // the program closed before
                c_.start_closing();
            break;
        default:
            if (c_.stage_ < stage::established || !(is_of_open_websocket(what) || what == event::timer))
                return result;
        }
        if (waits_for_program_)
            return after_writing();
        if (result != 0 && has_close_reason(wsi_) && c_.handshake_.request(prepared_frame(wsi_, c_.here_))) {
            c_.start_closing();
            c_.queue_ = queue::empty; // by returning -1 the program says that it is done
        }
        if (closing()) {
            c_.deadline_.keep(wsi_);
            return 0;
        }
        if (result == 0)
            return 0;
        c_.ender_ = initiator::local;
        return end_connection();
    }

    /// Ends the session, if this event does, or writes the last Close frame, if lws begins to end the connection.
    ending end(event what, const void *in, std::size_t len) noexcept {
        ending how = ending::none;
        switch (what) {
        case event::dropped: how = on_drop(in); break;
        case event::redirected: how = is_adapters() && !closing() ? ending::silent : ending::none; break;
        case event::failed: how = on_failure(text_of(in, len)); break;
        case event::ended: how = on_end(); break;
        default: break;
        }
        if (how != ending::none)
            release();
        return how;
    }

private:
    using stage = connection::stage;
    using queue = connection::queue;

    static constexpr lws_usec_t round = LWS_US_PER_MS;

    bool is_adapters() const noexcept { return owner_ == detail::owner::adapter; }
    bool closing() const noexcept { return c_.handshake_.current() != close_handshake::state::open; }

    ending on_drop(const void *in) noexcept {
        if (c_.stage_ == stage::established)
            write_before_the_end();
        else if (c_.stage_ < stage::established && !drops_for_good(in) && is_adapters())
            return ending::silent;
        return ending::none;
    }

    ending on_failure(std::string_view error) noexcept {
        if (c_.stage_ >= stage::established) // the program refused it in LWS_CALLBACK_CLIENT_ESTABLISHED
            return on_end();
        if (c_.stage_ == stage::request)
            return ending::silent;
        const bool tls_may_fail = c_.stage_ == stage::begun; // while upgrading, TLS is up
        c_.handshake_.connect_failed(error, tls_may_fail && tells_of_tls(error));
        return ending::reported;
    }

    ending on_end() noexcept {
        if (c_.stage_ >= stage::established)
            c_.handshake_.transport_closed(c_.ender_);
        else if (c_.here_ == role::server || c_.stage_ == stage::request)
            return ending::silent;
        else
            c_.handshake_.connect_failed("the connection ended before the WebSocket was established");
        return ending::reported;
    }

    /// The socket has room: the program writes, or the frame that was asked for goes out.
    decision on_writeable() noexcept {
        if (c_.stage_ == stage::ending)
            return {false};
        if (!closing())
            return {};
        if (!c_.handshake_.requested())
            return {false};
        if (c_.queue_ == queue::empty || c_.deadline_.left() <= c_.time_to_take() / 5) // it may never stop writing
            return {false, send_requested()};
        c_.queue_          = queue::unknown;
        waits_for_program_ = true;
        taken_             = bytes_taken(wsi_);
        return {};
    }

    /// The program had the chance to write, and a Close frame waits. lws does not say whether the program has asked
    /// for another writeable callback. If it wrote nothing, it has nothing. If it wrote, lws is given three rounds of
    /// its event loop to bring that callback. (A shorter timer may fire more than once in a round of libuv's.)
    int after_writing() noexcept {
        const bool is_quiet  = taken_ != 0 && bytes_taken(wsi_) == taken_ && !compresses(wsi_) && !holds_data(wsi_);
        const bool has_asked = c_.queue_ == queue::asked;
        if (is_quiet && !has_asked)
            return send_requested();
        c_.quiet_ = has_asked ? 0 : 3;
        has_asked ? c_.deadline_.keep(wsi_) : lws_set_timer_usecs(wsi_, round);
        return 0;
    }

    /// Writes the frame that was asked for. Returns the result for lws.
    int send_requested() noexcept {
        if (!write_close_frame(wsi_, *c_.handshake_.requested(), c_.here_))
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
        const bool is_ending = closing() || c_.ender_ != initiator::transport;
        if (c_.stage_ < stage::established || !is_ending)
            return {};
        const bool is_over = c_.deadline_.left() <= 0;
        if (c_.handshake_.requested() && (is_over || c_.quiet_ != 0) && !lws_send_pipe_choked(wsi_)) {
            const bool must_send = is_over || --c_.quiet_ == 0; // the queue is empty, or its time is over
            const int  result    = must_send ? send_requested() : 0;
            must_send ? c_.deadline_.keep(wsi_) : lws_set_timer_usecs(wsi_, round);
            return {false, result};
        }
        if (is_over) {
            if (is_stream(wsi_)) // a timeout would reset it with an error
                return {false, -1};
            lws_set_timeout(wsi_, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC); // -1 would wait for what lws holds
        } else {
            if (c_.quiet_ != 0) // the socket is full: the program gets another callback when it is not
                lws_callback_on_writable(wsi_);
            c_.quiet_ = 0;
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
        if (c_.handshake_.receive(result, code_uncertain) != close_step::send_and_end)
            return {false, -1};
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
        if (!closing()) {
            const verdict v = judge(gather_evidence(wsi_, c_.ender_ == initiator::local));
            c_.ender_       = v.who;
            const auto ask  = v.who == initiator::library ? &close_handshake::fail : &close_handshake::request;
            if (v.must_send_prepared)
                (c_.handshake_.*ask)(prepared_frame(wsi_, c_.here_));
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

    /// The session has ended: nothing leads to `wsi` any more.
    void release() noexcept {
        if (is_stream(wsi_))
            lws_callback_on_writable(lws_get_network_wsi(wsi_)); // else its end waits for the next frame
        c_.handshake_.transport_closed();
        c_.linked_.wsi = nullptr;
        c_.end_links();
        lws_cancel_service(lws_get_context(wsi_)); // if lws ends it by a timer, lws_service() would not return
    }

    connection   &c_;
    lws          *wsi_;
    detail::owner owner_; // these three the program may overwrite in its callback
    role          here_;
    stage         stage_;
    bool          waits_for_program_ = false; // it may write before the Close frame
    std::uint64_t taken_             = 0;     // by the kernel before its callback
};

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
