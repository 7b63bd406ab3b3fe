// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED

// What the events of lws do to a `connection`. Every Close frame that leaves a tracked connection is written on
// behalf of this class, once, so the report knows what was sent.

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
#include <wsclose/lws/detail/verdict.hpp>
#include <wsclose/lws/detail/wsi.hpp>

namespace wsclose::detail {

/// Whether the program sees a callback.
struct decision {
    bool pass   = true;
    int  result = 0; ///< for lws, if the program does not see it
};

/// How a callback ends a session.
enum class ending : std::uint8_t {
    none,
    silent,   ///< there was no WebSocket and no attempt to open one, so there is no report
    reported, ///< the report is final
};

/// The part of `tracked` that does not depend on the type of the session.
class tracker {
public:
    constexpr tracker(connection &c, lws *wsi) noexcept : c_(c), wsi_(wsi) {}

    /// Whether the connection has begun and is that of `wsi`.
    bool is_tracked() const noexcept { return c_.linked_.wsi == wsi_; }

    /// Whether the session must be constructed, in memory that lws has zeroed.
    bool needs_construction() const noexcept {
        return c_.owner_ != connection::owner::program && lws_get_protocol(wsi_)->per_session_data_size != 0;
    }

    void note_construction() noexcept { c_.owner_ = connection::owner::adapter; }
    bool adapter_owns_session() const noexcept { return c_.owner_ == connection::owner::adapter; }

    void begin(meaning means) noexcept {
        c_.handshake_      = close_handshake();
        c_.linked_.wsi     = wsi_;
        c_.stage_          = means.what == event::upgrading ? stage::upgrading : stage::begun;
        c_.ender_          = initiator::transport;
        c_.here_           = means.begins == beginning::server ? role::server : role::client;
        c_.wants_to_write_ = false;
        c_.code_left_      = 0;
    }

    /// Before the program's callback.
    decision before(event what, const void *in, std::size_t len) noexcept {
        switch (what) {
        case event::established: c_.stage_ = stage::established; return {};
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
                c_.deadline_.start(wsi_);
            break;
        case event::received:
        case event::writeable:
        case event::timer: break;
        default: return result;
        }
        if (c_.stage_ < stage::established) // a timer of the program's
            return result;
        if (has_close_reason(wsi_))
            take_reason_left(result != 0);
        if (closing()) {
            c_.deadline_.keep(wsi_);
            lws_callback_on_writable(wsi_); // for the program's data, then for the Close frame
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
        case event::redirected: how = on_redirect(); break;
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

    bool closing() const noexcept { return c_.handshake_.current() != close_handshake::state::open; }

    ending on_drop(const void *in) noexcept {
        if (c_.stage_ == stage::established)
            write_before_the_end();
        else if (c_.stage_ < stage::established && !drops_for_good(in) && adapter_owns_session())
            return ending::silent;
        return ending::none;
    }

    /// lws frees the session and continues with another.
    ending on_redirect() const noexcept { return adapter_owns_session() && !closing() ? ending::silent : ending::none; }

    ending on_failure(std::string_view error) noexcept {
        if (c_.stage_ >= stage::established) // the program refused it in LWS_CALLBACK_CLIENT_ESTABLISHED
            return on_end();
        const bool tls_may_fail = c_.stage_ == stage::begun; // while upgrading, TLS is up
        c_.handshake_.connect_failed(error, tls_may_fail && tells_of_tls(error));
        return ending::reported;
    }

    ending on_end() noexcept {
        if (c_.stage_ >= stage::established)
            c_.handshake_.transport_closed(c_.ender_);
        else if (c_.here_ == role::server)
            return ending::silent;
        else
            c_.handshake_.connect_failed("the connection ended before the WebSocket was established");
        return ending::reported;
    }

    /// The socket has room: the program writes, or the frame that was asked for goes out.
    decision on_writeable() noexcept {
        if (c_.stage_ == stage::ending)
            return {false};
        const close_frame *const frame = c_.handshake_.requested();
        if (!closing() || (frame && c_.wants_to_write_)) {
            c_.wants_to_write_ = false;
            return {}; // after() asks again for the frame
        }
        if (!frame)
            return {false};
        if (!write_close_frame(wsi_, *frame, c_.here_))
            return {false, -1};
        c_.handshake_.send();
        if (c_.deadline_.left() <= deadline::limit - 1000) // rarely: setting a timer, lws walks the list of all timers
            c_.deadline_.start(wsi_);
        lws_rx_flow_control(wsi_, 1); // the program may have stopped receiving, and the answer must come in
        return {false};
    }

    /// Before the WebSocket is established, and while it is open, the timer is the program's. Then it is the
    /// deadline's.
    decision on_timer() noexcept {
        if (c_.stage_ == stage::ending) {
            c_.deadline_.start(wsi_); // over TLS, lws may keep waiting for the peer to end TCP
            return {false, -1};
        }
        const bool is_ending = closing() || c_.ender_ != initiator::transport;
        if (c_.stage_ < stage::established || !is_ending)
            return {};
        if (c_.deadline_.left() > 0)
            c_.deadline_.keep(wsi_);
        else if (is_stream(wsi_)) // a timeout would reset it with an error
            return {false, -1};
        else // -1 would make lws wait until it has sent what it holds
            lws_set_timeout(wsi_, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC);
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
            c_.deadline_.start(wsi_);
            lws_rx_flow_control(wsi_, 0); // else 4.0 and 4.1 loop for ever if the peer ends TCP now
        }
        return -1;
    }

    /// The program called lws_close_reason(). If it also returned -1, that is a close like any other.
    void take_reason_left(bool dropped) noexcept {
        if (dropped && c_.handshake_.request(prepared_frame())) {
            c_.wants_to_write_ = false; // by returning -1 the program says that it is done
            c_.deadline_.start(wsi_);
        } else {
            c_.code_left_ = static_cast<std::uint16_t>(code_in(prepared_body(wsi_).data()));
        }
    }

    /// The frame that lws_close_reason() prepared, made valid.
    close_frame prepared_frame() const noexcept {
        std::string_view body = prepared_body(wsi_);
        const close_code code = code_in(body.data());
        body.remove_prefix(2);
        return close_frame::fit(code, body, c_.here_);
    }

    /// lws begins to end the connection and has not decided what it sends. The frame that was asked for, or the
    /// one with which lws fails the connection, must go out now.
    void write_before_the_end() noexcept {
        c_.stage_ = stage::ending;
        if (lws_partial_buffered(wsi_)) { // lws throws it away
            c_.handshake_.lose();
            if (c_.here_ == role::server && close_came_last(wsi_))
                c_.handshake_.receive_unseen(); // while a server holds data, lws shows no Close frame
        }
        const bool is_prepared = has_close_reason(wsi_);
        if (!closing())
            carry_out(judge(gather_evidence(is_prepared)));
        const close_frame *const frame = c_.handshake_.requested();
        if (frame && write_while_ending(wsi_, *frame, c_.here_))
            c_.handshake_.send();
        if (is_prepared) { // lws would send its own frame next, so it must not be able to
            if (!is_stream(wsi_))
                shut_sending_side(wsi_);
            lws_set_timer_usecs(wsi_, -LWS_US_PER_SEC); // overdue: on_timer() ends it before lws can send
        } else if (lws_is_ssl(wsi_)) {                  // lws waits for the peer to end TCP, longer than we do
            c_.deadline_.start(wsi_);
        }
    }

    evidence gather_evidence(bool is_prepared) const noexcept {
        evidence seen;
        if (is_prepared)
            seen.prepared_code = static_cast<std::uint16_t>(code_in(prepared_body(wsi_).data()));
        seen.code_left            = c_.code_left_;
        seen.dropped_by_program   = c_.ender_ == initiator::local;
        seen.context_is_destroyed = is_destroying_context(wsi_);
        seen.peer_ended_tcp       = peer_ended_tcp(wsi_);
        seen.layer_may_have_ended = !seen.peer_ended_tcp && layer_may_have_ended(wsi_); // saves a system call
        return seen;
    }

    void carry_out(verdict v) noexcept {
        c_.ender_ = v.who;
        if (v.must_send_prepared)
            v.who == initiator::library ? c_.handshake_.fail(prepared_frame())
                                        : c_.handshake_.request(prepared_frame());
    }

    /// The session has ended: nothing leads to `wsi` any more.
    void release() noexcept {
        if (is_stream(wsi_))
            lws_callback_on_writable(lws_get_network_wsi(wsi_)); // else its end waits for the next frame
        c_.handshake_.transport_closed();
        c_.linked_.wsi = nullptr;
        c_.end_links();
    }

    connection &c_;
    lws        *wsi_;
};

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
