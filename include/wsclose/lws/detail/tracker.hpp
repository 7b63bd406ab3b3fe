// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED

// What the events of lws do to a `connection`. Every Close frame that leaves a tracked connection is written
// here, once: what we write ourselves, we know.

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

/// Whether a callback ends a session.
enum class ending : std::uint8_t {
    none,
    silent,   ///< there was no WebSocket and no attempt at one, so there is no report
    reported, ///< the report is final
};

/// The part of `tracked` that does not depend on the type of the session.
class tracker {
public:
    constexpr tracker(connection &c, lws *wsi) noexcept : c_(c), wsi_(wsi) {}

    bool alive() const noexcept { return c_.linked_.wsi == wsi_; }

    /// Whether the session must be constructed, in memory that lws has zeroed. `fits` says whether that memory
    /// is as large as the session.
    bool needs_construction(std::size_t session_size, bool &fits) const noexcept {
        const std::size_t given = lws_get_protocol(wsi_)->per_session_data_size;
        fits                    = true;
        if (c_.owner_ == connection::owner::program || given == 0)
            return false;
        fits = given == session_size;
        return true;
    }

    void constructed_by_adapter() noexcept { c_.owner_ = connection::owner::adapter; }
    bool destroyed_by_adapter() const noexcept { return c_.owner_ == connection::owner::adapter; }

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
        case event::received: return {!closing(), 0};
        case event::writeable: return write();
        case event::timer: return watch_deadline();
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
        if (has_close_reason(wsi_))
            note_reason_left(result != 0);
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

    /// Ends the session, if this event does. Then the report is final and every reference is empty.
    ending end(event what, const void *in, std::size_t len) noexcept {
        switch (what) {
        case event::dropped:
            if (c_.stage_ == stage::established)
                write_before_the_end();
            else if (!drops_for_good(in) && destroyed_by_adapter())
                return finish(ending::silent);
            return ending::none;
        case event::redirected: // lws frees the session and starts with another
            return destroyed_by_adapter() && !closing() ? finish(ending::silent) : ending::none;
        case event::failed:
            if (c_.stage_ >= stage::established) // the program refused it in LWS_CALLBACK_CLIENT_ESTABLISHED
                break;
            c_.handshake_.connect_failed(text_of(in, len), c_.stage_ == stage::begun && tells_of_tls(text_of(in, len)));
            return finish(ending::reported);
        case event::ended:
            if (c_.stage_ >= stage::established)
                break;
            if (c_.here_ == role::server)
                return finish(ending::silent);
            c_.handshake_.connect_failed("the connection ended before the WebSocket was established");
            return finish(ending::reported);
        default: return ending::none;
        }
        c_.handshake_.transport_closed(c_.ender_);
        return finish(ending::reported);
    }

private:
    using stage = connection::stage;

    bool closing() const noexcept { return c_.handshake_.current() != close_handshake::state::open; }

    /// The socket has room: for the program's data, or for the frame that was asked for.
    decision write() noexcept {
        if (c_.stage_ == stage::ending)
            return {false, 0};
        const close_frame *const frame = c_.handshake_.requested();
        if (!closing() || (frame && c_.wants_to_write_)) {
            c_.wants_to_write_ = false;
            return {}; // after() asks again for the frame
        }
        if (!frame)
            return {false, 0};
        if (!write_close_frame(wsi_, *frame, c_.here_))
            return {false, -1};
        c_.handshake_.send();
        if (c_.deadline_.left() <= deadline::limit - 1000) // seldom: lws goes through all timers to set one
            c_.deadline_.start(wsi_);
        lws_rx_flow_control(wsi_, 1); // the program may have stopped receiving, and the answer must come in
        return {false, 0};
    }

    /// Once the connection is closing, the timer is ours.
    decision watch_deadline() noexcept {
        if (c_.stage_ == stage::ending) {
            c_.deadline_.start(wsi_); // over TLS, lws may wait on for the peer to end TCP
            return {false, -1};
        }
        if (!closing() && c_.ender_ == initiator::transport)
            return {};
        if (c_.deadline_.left() > 0)
            c_.deadline_.keep(wsi_);
        else if (is_stream(wsi_)) // a timeout would reset it with an error
            return {false, -1};
        else // -1 would have lws wait until it has sent what it holds
            lws_set_timeout(wsi_, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC);
        return {false, 0};
    }

    decision receive_close(const void *in, std::size_t len) noexcept {
        if (c_.stage_ == stage::ending) // lws may parse the same bytes a second time
            return {false, -1};
        const bool         was_open       = !closing();
        const parse_result result         = close_frame::parse(in, len);
        const bool         code_uncertain = result && result.frame.code() == close_code::protocol_error;
        if (c_.handshake_.receive(result, code_uncertain) != close_step::send_and_end)
            return {false, -1};
        if (was_open && result)
            return {}; // the program sees it, then after() answers
        return {false, answer()};
    }

    int answer() noexcept {
        if (!write_last_close_frame(wsi_, *c_.report().sent(), c_.here_))
            c_.handshake_.lose();
        return end_connection();
    }

    /// Has lws end the connection, once it has sent what it holds or the time is over.
    int end_connection() noexcept {
        if (lws_partial_buffered(wsi_)) {
            c_.deadline_.start(wsi_);
            lws_rx_flow_control(wsi_, 0); // else 4.0 and 4.1 loop for ever if the peer ends TCP now
        }
        return -1;
    }

    /// The program called lws_close_reason(). If it also returned -1, that is a close like any other.
    void note_reason_left(bool dropped) noexcept {
        if (dropped && c_.handshake_.request(prepared_frame())) {
            c_.wants_to_write_ = false; // by -1 the program says that it is done
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
    /// one with which lws fails the connection, goes out now or never.
    void write_before_the_end() noexcept {
        c_.stage_ = stage::ending;
        if (lws_partial_buffered(wsi_)) { // lws throws it away
            c_.handshake_.lose();
            if (c_.here_ == role::server && close_came_last(wsi_))
                c_.handshake_.receive_unseen(); // while a server holds data, lws shows no Close frame
        }
        const bool is_prepared = has_close_reason(wsi_);
        if (!closing())
            note_verdict(judge(look(is_prepared)));
        const close_frame *const frame = c_.handshake_.requested();
        if (frame && write_while_ending(wsi_, *frame, c_.here_))
            c_.handshake_.send();
        if (is_prepared) { // lws sends it next, unless it cannot
            if (!is_stream(wsi_))
                shut_sending_side(wsi_);
            lws_set_timer_usecs(wsi_, -LWS_US_PER_SEC); // overdue, so that it fires before lws can send
        } else if (lws_is_ssl(wsi_)) {                  // lws waits for the peer to end TCP, longer than we do
            c_.deadline_.start(wsi_);
        }
    }

    evidence look(bool is_prepared) const noexcept {
        evidence seen;
        if (is_prepared)
            seen.prepared_code = static_cast<std::uint16_t>(code_in(prepared_body(wsi_).data()));
        seen.code_left            = c_.code_left_;
        seen.dropped_by_program   = c_.ender_ == initiator::local;
        seen.context_is_destroyed = is_destroying_context(wsi_);
        seen.peer_ended_tcp       = peer_ended_tcp(wsi_);
        seen.layer_may_have_ended = !seen.peer_ended_tcp && layer_may_have_ended(wsi_);
        return seen;
    }

    void note_verdict(verdict v) noexcept {
        c_.ender_ = v.who;
        if (!v.sends_prepared)
            return;
        if (v.who == initiator::library)
            c_.handshake_.fail(prepared_frame());
        else
            c_.handshake_.request(prepared_frame());
    }

    ending finish(ending how) noexcept {
        if (is_stream(wsi_))
            lws_callback_on_writable(lws_get_network_wsi(wsi_)); // else its end waits for the next frame
        c_.handshake_.transport_closed();
        c_.linked_.wsi = nullptr;
        c_.end_links();
        return how;
    }

    connection &c_;
    lws        *wsi_;
};

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
