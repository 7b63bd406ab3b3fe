// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED

// What the events of lws do to a `connection`.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/attempt.hpp>
#include <wsclose/lws/detail/closer.hpp>
#include <wsclose/lws/detail/event.hpp>
#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// Lasts for one callback.
class tracker : closer {
public:
    tracker(connection &c, lws *wsi) noexcept : closer(c, wsi), owner_(c.owner_), here_(c.here_), stage_(c.stage_) {}

    /// Whether the connection has begun and is that of `wsi`.
    bool is_tracked() const noexcept { return c_.linked_.wsi == wsi_; }

    /// Whether a connection that is not tracked for this wsi is for another.
    bool is_elsewhere() const noexcept { return c_.linked_.wsi != nullptr; }

    detail::owner owner() const noexcept { return owner_; }
    void          set_owner(detail::owner who) noexcept { owner_ = c_.owner_ = who; }

    void begin(meaning means, std::uint16_t timeout) noexcept {
        here_  = means.begins == beginning::server ? role::server : role::client;
        stage_ = is_plain_request(wsi_) ? stage::request : stage::begun;
        begin_again(timeout);
    }

    /// As `before` was, whose session the program has replaced by this.
    void take_over(const tracker &before, std::uint16_t timeout) noexcept {
        here_  = before.here_;
        stage_ = before.stage_;
        begin_again(timeout);
    }

    /// The session is no more that of `wsi`, and the program may keep it.
    void leave() noexcept {
        c_.linked_.wsi = nullptr;
        c_.end_links();
    }

    /// As it was when this tracker was made, or begun.
    void begin_again(std::uint16_t timeout) noexcept {
        c_.owner_     = owner_;
        c_.handshake_ = close_handshake();
        if (stage_ == stage::established)
            note_establishment();
        c_.linked_.wsi = wsi_;
        c_.stage_      = stage_;
        c_.here_       = here_;
        c_.queue_      = queue::unknown;
        c_.quiet_      = 0;
        if (c_.timeout_ == 0)
            c_.timeout_ = timeout;
    }

    /// Before the program's callback.
    decision before(event what, const void *in, std::size_t len) noexcept {
        switch (what) {
        case event::established:
            c_.stage_ = stage_ = stage::established;
            note_establishment();
            return {};
        case event::received: return {!closing()};
        case event::writeable: return on_writeable();
        case event::timer: return on_timer();
        case event::peer_close: return receive_close(in, len);
        case event::redirected:
            if (closing()) // do not connect elsewhere just to close there
                c_.handshake_.ends_by(cause::dropped);
            return {!closing(), -1};
        default: return {};
        }
    }

    /// After the program's callback, which returned `result`. Returns the result for lws.
    int after(event what, int result) noexcept {
        switch (what) {
        case event::peer_close: return answer();
        case event::upgrading:
        case event::redirected:
            if (result != 0)
                c_.handshake_.ends_by(cause::dropped);
            return result;
        case event::established:
            if (c_.handshake_.requested()) // the program closed before
                c_.start_closing();
            break;
        default:
            if (c_.stage_ < stage::established || !(is_of_open_websocket(what) || what == event::timer))
                return result;
        }
        if (waits_for_program())
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
        c_.handshake_.ends_by(cause::dropped);
        return end_connection();
    }

    /// Whether the open connection ends with this event, although lws has not said that it drops the protocol: a client
    /// without a name of a local protocol is bound to it in a way of its own.
    bool ends_unannounced(event what) const noexcept { return what == event::ended && c_.stage_ == stage::established; }

    /// Ends the session, if this event does, or writes the last Close frame, if lws begins to end the connection.
    ending end(event what, const void *in, std::size_t len) noexcept {
        ending how = ending::none;
        if (ends_unannounced(what) && !has_close_reason(wsi_)) // which lws has sent by now, or not
            write_before_the_end();
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
    static std::int64_t now() noexcept { return lws_now_usecs() / LWS_US_PER_MS; }

    void note_establishment() noexcept { c_.handshake_.established(now()); }

    bool is_adapters() const noexcept { return owner_ == detail::owner::adapter; }

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
        c_.handshake_.connect_failed(examine_attempt(wsi_, error));
        return ending::reported;
    }

    ending on_end() noexcept {
        if (c_.stage_ >= stage::established)
            c_.handshake_.transport_closed(cause::unknown, now());
        else if (c_.here_ == role::server || c_.stage_ == stage::request)
            return ending::silent;
        else
            c_.handshake_.connect_failed(
                examine_attempt(wsi_, "the connection ended before the WebSocket was established"));
        return ending::reported;
    }

    /// The session has ended: nothing leads to `wsi` any more.
    void release() noexcept {
        if (is_stream(wsi_))
            lws_callback_on_writable(lws_get_network_wsi(wsi_)); // else its end waits for the next frame
        c_.handshake_.transport_closed();
        leave();
        lws_cancel_service(lws_get_context(wsi_)); // if lws ends it by a timer, lws_service() would not return
    }

    detail::owner owner_; // these three the program may overwrite in its callback
    role          here_;
    stage         stage_;
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_TRACKER_HPP_INCLUDED
