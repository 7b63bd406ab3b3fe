// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED

// What lws' callbacks do to a `connection`. Every Close frame that leaves a tracked connection is
// written here, once: what we write ourselves, we know.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/wsi.hpp>

namespace wsclose::detail {

/// What the adapter makes of a callback before the program sees it.
struct decision {
    bool pass   = true; ///< the program's callback is called
    int  result = 0;    ///< if it is not: what lws is told
};

/// How a callback ends a session.
enum class ending : std::uint8_t {
    none,
    silent,   ///< no WebSocket was there or tried for: nothing is reported
    reported, ///< the report is final
};

/// What `tracked` does to a `connection`, apart from what depends on the session's type.
class tracker {
public:
    constexpr tracker(connection &c, lws *wsi) noexcept : c_(c), wsi_(wsi) {}

    bool alive() const noexcept { return c_.linked_.wsi == wsi_; }

    /// Whether the session's life can begin with this callback.
    static constexpr bool begins(lws_callback_reasons reason) noexcept {
        switch (reason) {
        case LWS_CALLBACK_HTTP_BIND_PROTOCOL:
        case LWS_CALLBACK_WS_SERVER_BIND_PROTOCOL:
        case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        case LWS_CALLBACK_ESTABLISHED: return true;
        default: return begins_client(reason);
        }
    }

    /// Whether the session still has to be constructed in memory that lws zeroed. `fits` tells
    /// whether that memory is as large as the session.
    bool needs_construction(std::size_t session_size, bool &fits) const noexcept {
        const std::size_t given = lws_get_protocol(wsi_)->per_session_data_size;
        fits                    = true;
        if (c_.owner_ == connection::owner::user || given == 0)
            return false;
        fits = given == session_size;
        return true;
    }

    void constructed_by_adapter() noexcept { c_.owner_ = connection::owner::adapter; }
    bool destroyed_by_adapter() const noexcept { return c_.owner_ == connection::owner::adapter; }

    void begin(lws_callback_reasons reason) noexcept {
        c_.handshake_      = close_handshake();
        c_.linked_.wsi     = wsi_;
        c_.stage_          = reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER ? stage::upgrading : stage::begun;
        c_.ender_          = ender::nobody;
        c_.is_server_      = !begins_client(reason);
        c_.wants_to_write_ = false;
        c_.code_left_      = 0;
    }

    /// Before the program's callback.
    decision before(lws_callback_reasons reason, const void *in, std::size_t len) noexcept {
        switch (reason) {
        case LWS_CALLBACK_ESTABLISHED:
        case LWS_CALLBACK_CLIENT_ESTABLISHED: c_.stage_ = stage::established; return {};
        case LWS_CALLBACK_RECEIVE:
        case LWS_CALLBACK_CLIENT_RECEIVE:
        case LWS_CALLBACK_RECEIVE_PONG:
        case LWS_CALLBACK_CLIENT_RECEIVE_PONG: return {!closing(), 0};
        case LWS_CALLBACK_SERVER_WRITEABLE:
        case LWS_CALLBACK_CLIENT_WRITEABLE: return write();
        case LWS_CALLBACK_TIMER: return watch_limit();
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: return receive_close(in, len);
        default: return {!(is_redirect(reason) && closing()), -1}; // a redirect is not followed just to close there
        }
    }

    /// After the program's callback, which returned `result`. Returns what lws is told.
    int after(lws_callback_reasons reason, int result) noexcept {
        switch (reason) {
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: return answer();
        case LWS_CALLBACK_ESTABLISHED:
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
            if (c_.handshake_.requested()) // before it was established
                c_.set_limit();
            break;
        case LWS_CALLBACK_RECEIVE:
        case LWS_CALLBACK_CLIENT_RECEIVE:
        case LWS_CALLBACK_RECEIVE_PONG:
        case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        case LWS_CALLBACK_SERVER_WRITEABLE:
        case LWS_CALLBACK_CLIENT_WRITEABLE:
        case LWS_CALLBACK_TIMER: break;
        default: return result;
        }
        if (has_close_reason(wsi_))
            note_reason_left(result != 0);
        if (closing()) {
            c_.keep_limit();
            lws_callback_on_writable(wsi_); // for what is still to be written, or the Close frame
            return 0;
        }
        if (result == 0)
            return 0;
        c_.ender_ = ender::program;
        return end_connection();
    }

    /// Whether this callback ends the session. If it is reported, the report is final now and every
    /// reference empty.
    ending end(lws_callback_reasons reason, const void *in, std::size_t len) noexcept {
        switch (reason) {
        case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        case LWS_CALLBACK_CLIENT_HTTP_DROP_PROTOCOL:
        case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        case LWS_CALLBACK_WS_CLIENT_DROP_PROTOCOL:
            if (c_.stage_ == stage::established)
                write_before_the_end();
            else if (!drops_for_good(in) && destroyed_by_adapter())
                return finish(ending::silent);
            return ending::none;
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
            if (c_.stage_ >= stage::established) // the program refused it in LWS_CALLBACK_CLIENT_ESTABLISHED
                break;
            c_.handshake_.connect_failed(text_of(in, len), c_.stage_ == stage::begun && tells_of_tls(text_of(in, len)));
            return finish(ending::reported);
        case LWS_CALLBACK_CLOSED:
        case LWS_CALLBACK_CLIENT_CLOSED:
        case LWS_CALLBACK_CLOSED_HTTP:
        case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        case LWS_CALLBACK_WSI_DESTROY: break;
        default: // a client that is redirected starts anew, and lws frees its session
            return is_redirect(reason) && destroyed_by_adapter() && !closing() ? finish(ending::silent) : ending::none;
        }
        if (c_.stage_ >= stage::established)
            close_transport();
        else if (c_.is_server_)
            return finish(ending::silent);
        else
            c_.handshake_.connect_failed("the connection ended before the WebSocket was established");
        return finish(ending::reported);
    }

private:
    using stage = connection::stage;
    using ender = connection::ender;

    /// Not when lws binds the protocol: what fails to connect after that may end without a word.
    static constexpr bool begins_client(lws_callback_reasons reason) noexcept {
        return reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER || reason == LWS_CALLBACK_CLIENT_ESTABLISHED ||
               reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR;
    }

    bool closing() const noexcept { return c_.handshake_.current() != close_handshake::state::open; }

    /// The socket takes more: the program's turn, or that of the frame that was asked for.
    decision write() noexcept {
        if (c_.stage_ == stage::ending)
            return {false, 0};
        const close_frame *const frame = c_.handshake_.requested();
        if (!closing() || (frame && c_.wants_to_write_)) {
            c_.wants_to_write_ = false;
            return {}; // and after() sees to the frame
        }
        if (!frame)
            return {false, 0};
        if (!write_close_frame(wsi_, *frame))
            return {false, -1};
        c_.handshake_.send();
        if (c_.milliseconds_left() <= (close_timeout_seconds - 1) * 1000) // lws goes through all timers to set one
            c_.set_limit();
        lws_rx_flow_control(wsi_, 1); // else the answer could not come in
        return {false, 0};
    }

    /// A timer that the program set is not called any more once it is closing.
    decision watch_limit() noexcept {
        if (c_.stage_ == stage::ending) {
            c_.set_limit(); // over TLS, lws may go on to wait for the peer to end TCP
            return {false, -1};
        }
        if (!closing() && c_.ender_ == ender::nobody)
            return {};
        if (c_.milliseconds_left() > 0)
            c_.keep_limit();
        else if (is_stream(wsi_)) // a timeout would end it with an error
            return {false, -1};
        else // unlike -1 from here, it does not make lws wait for what it still holds
            lws_set_timeout(wsi_, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC);
        return {false, 0};
    }

    decision receive_close(const void *in, std::size_t len) noexcept {
        if (c_.stage_ == stage::ending) // lws may parse what it holds a second time
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
        if (!write_last_close_frame(wsi_, *c_.report().sent()))
            c_.handshake_.lose();
        return end_connection();
    }

    /// Has lws end the connection, after it has flushed what it holds, if that does not take too long.
    int end_connection() noexcept {
        if (lws_partial_buffered(wsi_)) {
            c_.set_limit();
            lws_rx_flow_control(wsi_, 0); // 4.0 and 4.1 serve nobody else once the peer ends TCP now
        }
        return -1;
    }

    /// lws_close_reason() was called. With -1 it asks for a close like any other.
    void note_reason_left(bool dropped) noexcept {
        if (dropped && c_.handshake_.request(prepared_frame())) {
            c_.wants_to_write_ = false; // the program has said that it is done
            c_.set_limit();
        } else {
            c_.code_left_ = static_cast<std::uint16_t>(code_in(prepared_body(wsi_).data()));
        }
    }

    /// The frame that lws_close_reason() prepared, made valid.
    close_frame prepared_frame() const noexcept {
        std::string_view body = prepared_body(wsi_);
        const close_code code = code_in(body.data());
        body.remove_prefix(2);
        return close_frame::fit(code, body, c_.is_server_ ? role::server : role::client);
    }

    /// lws begins to end the connection, and has not decided yet what it sends: the frame that was
    /// asked for goes out now, or the one with which lws fails the connection, or never.
    void write_before_the_end() noexcept {
        c_.stage_             = stage::ending;
        const bool fin        = peer_ended_tcp(wsi_);
        const bool by_peer    = fin || layer_may_have_ended(wsi_);
        const bool has_reason = has_close_reason(wsi_);
        if (lws_partial_buffered(wsi_)) { // and flushes no more
            c_.handshake_.lose();
            if (c_.is_server_ && close_came_last(wsi_))
                c_.handshake_.receive_unseen(); // a server's lws shows none while it holds data
        }
        if (has_reason && !closing()) {
            const auto code       = static_cast<std::uint16_t>(code_in(prepared_body(wsi_).data()));
            const bool by_program = code == c_.code_left_ || !lws_fails_with(code);
            if (!by_program)
                c_.handshake_.fail(prepared_frame());
            else if (!fin)
                c_.handshake_.request(prepared_frame());
        }
        const close_frame *const frame = c_.handshake_.requested();
        if (frame && write_while_ending(wsi_, *frame))
            c_.handshake_.send();
        if (has_reason) { // lws goes on to send it, unless it cannot
            if (!is_stream(wsi_))
                shut_sending_side(wsi_);
            lws_set_timer_usecs(wsi_, -LWS_US_PER_SEC); // overdue: before lws can send, if a timer ends it
        } else if (lws_is_ssl(wsi_)) { // lws waits for the peer to end TCP, as long as its context says
            c_.set_limit();
        }
        if (c_.ender_ == ender::nobody)
            c_.ender_ = fin                           ? ender::nobody
                        : is_destroying_context(wsi_) ? ender::program
                        : by_peer                     ? ender::nobody
                                                      : ender::lws;
    }

    void close_transport() noexcept {
        c_.handshake_.transport_closed(c_.ender_ == ender::program ? initiator::local
                                       : c_.ender_ == ender::lws   ? initiator::library
                                                                   : initiator::transport);
    }

    ending finish(ending how) noexcept {
        if (is_stream(wsi_))
            lws_callback_on_writable(lws_get_network_wsi(wsi_)); // or its end goes out with the next frame alone
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
