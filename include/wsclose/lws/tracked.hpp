// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_TRACKED_HPP_INCLUDED
#define WSCLOSE_LWS_TRACKED_HPP_INCLUDED

// The adapter between lws and a program's own callback: `tracked<callback, &session::member>` stands
// in the table of protocols where `callback` stood.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include <libwebsockets.h>

#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/detail/socket.hpp>
#include <wsclose/lws/close.hpp>
#include <wsclose/lws/connection.hpp>

namespace wsclose {

namespace detail {
    /// What the adapter makes of a callback before the program sees it.
    struct ruling {
        bool pass   = true; ///< the program's callback is called
        int  result = 0;    ///< where it is not: what lws is told
    };

    /// How a callback ends a session.
    enum class ending : std::uint8_t {
        none,
        silent,   ///< no WebSocket was there or tried for: nothing is reported
        reported, ///< the report is final
    };

    /// What `tracked` does to a `connection`, apart from what depends on the session's type.
    template <class Frame>
    class tracker {
    public:
        constexpr tracker(basic_connection<Frame> &c, lws *wsi) noexcept : c_(c), wsi_(wsi) {}

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
            if (c_.owner_ == basic_connection<Frame>::owner::user || given == 0)
                return false;
            fits = given == session_size;
            return true;
        }

        void constructed_by_adapter() noexcept { c_.owner_ = basic_connection<Frame>::owner::adapter; }
        bool destroyed_by_adapter() const noexcept { return c_.owner_ == basic_connection<Frame>::owner::adapter; }

        void begin(lws_callback_reasons reason) noexcept {
            c_.handshake_         = handshake();
            c_.linked_.wsi        = wsi_;
            c_.established_       = false;
            c_.wants_to_write_    = false;
            c_.dropped_           = false;
            c_.ended_by_lws_      = false;
            c_.reason_left_       = false;
            c_.end_on_timer_      = false;
            c_.limit_is_set_      = false;
            c_.asked_for_headers_ = reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER;
            c_.is_server_         = !begins_client(reason);
        }

        /// Before the program's callback.
        ruling before(lws_callback_reasons reason, const void *in, std::size_t len) noexcept {
            switch (reason) {
            case LWS_CALLBACK_ESTABLISHED:
            case LWS_CALLBACK_CLIENT_ESTABLISHED: c_.established_ = true; return {};
            case LWS_CALLBACK_RECEIVE:
            case LWS_CALLBACK_CLIENT_RECEIVE:
            case LWS_CALLBACK_RECEIVE_PONG:
            case LWS_CALLBACK_CLIENT_RECEIVE_PONG: return {!closing(), 0};
            case LWS_CALLBACK_SERVER_WRITEABLE:
            case LWS_CALLBACK_CLIENT_WRITEABLE: return write();
            case LWS_CALLBACK_TIMER:
                if (!c_.end_on_timer_)
                    return {};
                c_.end_on_timer_ = false;
                return {false, -1};
            case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: return receive_close(in, len);
            default: return {!(redirects(reason) && closing()), -1}; // a redirect is not followed just to close there
            }
        }

        /// After the program's callback, which returned `result`. Returns what lws is told.
        int after(lws_callback_reasons reason, int result) noexcept {
            c_.limit_is_set_ = false; // for all that we know
            if (result == 0)
                note_reason_left();
            switch (reason) {
            case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: return answer();
            case LWS_CALLBACK_ESTABLISHED:
            case LWS_CALLBACK_CLIENT_ESTABLISHED:
                if (closing())
                    c_.send_when_writeable();
                break;
            case LWS_CALLBACK_SERVER_WRITEABLE:
            case LWS_CALLBACK_CLIENT_WRITEABLE:
                if (closing())
                    lws_callback_on_writable(wsi_); // for what is still to be written, or the Close frame
                break;
            case LWS_CALLBACK_RECEIVE:
            case LWS_CALLBACK_CLIENT_RECEIVE:
            case LWS_CALLBACK_RECEIVE_PONG:
            case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
            case LWS_CALLBACK_TIMER: break;
            default: return result;
            }
            if (result == 0 || closing())
                return 0;
            drop();
            return result;
        }

        /// Whether this callback ends the session. Where it is reported, the report is final now and
        /// every reference empty.
        ending end(lws_callback_reasons reason, const void *in, std::size_t len) noexcept {
            switch (reason) {
            case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
            case LWS_CALLBACK_CLIENT_HTTP_DROP_PROTOCOL:
            case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
            case LWS_CALLBACK_WS_CLIENT_DROP_PROTOCOL:
                if (!drops_for_good(in))
                    return destroyed_by_adapter() ? finish(ending::silent) : ending::none;
                note_lws_closing();
                return ending::none;
            case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
                c_.handshake_.connect_failed(text(in, len), failed_in_tls(text(in, len)));
                return finish(ending::reported);
            case LWS_CALLBACK_CLOSED:
            case LWS_CALLBACK_CLIENT_CLOSED:
            case LWS_CALLBACK_CLOSED_HTTP:
            case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
            case LWS_CALLBACK_WSI_DESTROY: break;
            default: // a client that is redirected starts anew, and lws frees its session
                return redirects(reason) && destroyed_by_adapter() && !closing() ? finish(ending::silent)
                                                                                 : ending::none;
            }
            if (c_.established_)
                close_transport();
            else if (c_.is_server_)
                return finish(ending::silent);
            else
                c_.handshake_.connect_failed("the connection ended before the WebSocket was established");
            return finish(ending::reported);
        }

    private:
        using handshake = basic_close_handshake<Frame>;

        /// LWS_CALLBACK_CLIENT_HTTP_REDIRECT, which lws 4.0 does not have.
        static constexpr bool redirects(lws_callback_reasons reason) noexcept {
            return static_cast<int>(reason) == 104;
        }

        /// Not when lws binds the protocol: what fails to connect after that may end without a word.
        static constexpr bool begins_client(lws_callback_reasons reason) noexcept {
            return reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER || reason == LWS_CALLBACK_CLIENT_ESTABLISHED ||
                   reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR;
        }

        bool closing() const noexcept { return c_.handshake_.current() != handshake::state::open; }

        /// lws names the function that unbinds a protocol: its closing one, or one that binds another
        /// protocol, whereupon the session's memory is freed without a further word (docs/lws-behaviour.md).
        static bool drops_for_good(const void *in) noexcept {
            return in && std::strstr(static_cast<const char *>(in), "close") != nullptr;
        }

        /// lws counts the terminating NUL of some of its texts.
        static std::string_view text(const void *in, std::size_t len) noexcept {
            std::string_view result(static_cast<const char *>(in), in ? len : 0);
            while (!result.empty() && result.back() == '\0')
                result.remove_suffix(1);
            return result;
        }

        /// By lws' words for it, which are all that there is (docs/lws-behaviour.md). TLS is done with
        /// when lws asks for the headers of the handshake; the session may have begun before.
        bool failed_in_tls(std::string_view error) const noexcept {
            if (c_.asked_for_headers_)
                return false;
            for (const std::string_view sign : {"SSL", "ssl", "tls", "cert", "SYSCALL", "client connect failed"})
                if (error.find(sign) != std::string_view::npos)
                    return true;
            return false;
        }

        ruling write() noexcept {
            const bool        asked_for = c_.wants_to_write_;
            const auto *const frame     = c_.handshake_.requested();
            c_.wants_to_write_          = false;
            if (c_.dropped_ || failed_by_lws())
                return {false, 0}; // lws sends the frame itself, and asks for data even after it
            if (!closing() || (frame && asked_for))
                return {}; // and after() sees to the frame
            if (!frame)
                return {false, 0};
            if (has_close_reason(wsi_)) { // a second frame would follow ours: let lws send ours alone
                if (frame->code() == close_code::no_status_received)
                    c_.handshake_.amend(close_frame::fit(close_code::normal_closure)); // lws sends none without a code
                set_close_reason(wsi_, *frame);
                c_.dropped_ = c_.end_on_timer_ = true;
                lws_set_timer_usecs(wsi_, 1); // in libuv's loop, lws 4.1 sends none for a -1 from here
                return {false, 0};
            }
            if (!write_close_frame(wsi_, *frame))
                return {false, -1};
            c_.handshake_.send();
            if (!c_.limit_is_set_ || c_.elapsed() >= 1000) // lws goes through all connections' timeouts to set one
                c_.limit_wait(PENDING_TIMEOUT_CLOSE_ACK);
            lws_rx_flow_control(wsi_, 1); // else the answer could not come in
            return {false, 0};
        }

        ruling receive_close(const void *in, std::size_t len) noexcept {
            const bool         was_open = !closing();
            const parse_result result   = close_frame::parse(in, len);
            switch (c_.handshake_.receive(result, lws_changes_codes() && result &&
                                                      result.frame.code() == close_code::protocol_error)) {
            case close_step::send_and_end:
                if (was_open && c_.report().received())
                    return {}; // the program sees it, then after() answers
                return {false, answer()};
            case close_step::end: return {false, -1};
            default: return {false, 0};
            }
        }

        int answer() noexcept {
            const answer_result result = answer_and_end(wsi_, *c_.report().sent(), is_echo());
            if (result.answer == answer_result::deferred) {
                c_.handshake_.answer_deferred();
                c_.timed_from_ = basic_connection<Frame>::milliseconds();
            } else if (result.answer == answer_result::lost) {
                c_.handshake_.answer_lost();
            }
            return result.callback_result;
        }

        bool failed_by_lws() const noexcept { return c_.report().initiator() == initiator::library; }

        /// Whether lws puts 1002 in the place of some codes of the peer's.
        bool lws_changes_codes() const noexcept {
            return c_.is_server_ || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR < 2);
        }

        /// lws began to end the connection longer ago than it waits for a peer.
        bool timed_out() const noexcept { return c_.elapsed() >= close_timeout_seconds * 1000; }

        /// The program's callback returned nonzero: lws ends the connection, with the frame that
        /// lws_close_reason() left, if any. One that breaks the rules is mended first.
        void drop() noexcept {
            c_.dropped_ = true;
            if (!c_.established_ || !has_close_reason(wsi_) || lws_partial_buffered(wsi_))
                return; // where it has data to flush, lws sends no frame
            std::string_view body   = prepared_body();
            parse_result     result = close_frame::parse(body);
            if (!result) {
                const close_code code = code_in(body.data());
                body.remove_prefix(2);
                result.frame = close_frame::fit(code, body, c_.is_server_ ? role::server : role::client);
                set_close_reason(wsi_, result.frame);
            }
            c_.handshake_.request(result.frame);
        }

        /// The frame that lws_close_reason() prepared: two bytes at least.
        std::string_view prepared_body() const noexcept {
            return {reinterpret_cast<const char *>(lws_get_close_payload(wsi_)),
                    static_cast<std::size_t>(lws_get_close_length(wsi_))};
        }

        /// lws begins to end the connection.
        void note_lws_closing() noexcept {
            const bool has_reason = c_.established_ && has_close_reason(wsi_);
            const bool lws_writes = c_.dropped_ || failed_by_lws() || acknowledged(acknowledgement::inferred);
            if (has_reason && c_.report().sent() && !lws_writes)
                end_stream(wsi_); // or lws would send a Close frame of its own behind ours
            const stream_end stream = c_.established_ && !c_.report().sent() ? end_of_stream(wsi_) : stream_end::none;
            if (stream == stream_end::broken) { // and no frame goes out any more
                c_.handshake_.transport_closed(c_.dropped_ ? initiator::local : initiator::transport);
                return;
            }
            if (acknowledged(acknowledgement::inferred) && is_echo() &&
                (lws_partial_buffered(wsi_) || lws_send_pipe_choked(wsi_)))
                c_.handshake_.answer_lost(); // the socket is still full
            if (!acknowledged(acknowledgement::no) || c_.report().received())
                return;
            c_.timed_from_ = basic_connection<Frame>::milliseconds();
            if (c_.established_ && !c_.dropped_)
                note_unanswered(stream, has_reason);
        }

        /// What lws sends, where it begins to end the connection by itself and no Close frame came: the
        /// frame that was asked for, that with which it fails the connection, or none.
        void note_unanswered(stream_end stream, bool has_reason) noexcept {
            if (const auto *frame = c_.handshake_.requested()) { // and there will be no other chance
                if (!has_reason && stream == stream_end::none && !lws_send_pipe_choked(wsi_) &&
                    write_close_frame(wsi_, *frame))
                    c_.handshake_.send();
                return;
            }
            if (closing())
                return;
            const bool by_peer = stream != stream_end::none || layer_may_have_ended(wsi_);
            if (has_reason && !(c_.reason_left_ && by_peer)) {
                const parse_result prepared = close_frame::parse(prepared_body());
                const Frame       &left     = prepared.frame;
                c_.handshake_.library_failed(prepared ? &left : nullptr, false);
                return;
            }
#if LWS_LIBRARY_VERSION_MAJOR > 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR >= 2)
            c_.dropped_ = lws_context_is_being_destroyed(lws_get_context(wsi_)) != 0;
#endif
            c_.ended_by_lws_ = !by_peer;
        }

        bool is_echo() const noexcept {
            const auto &report = c_.report();
            return report.received() && report.sent() && *report.received() == *report.sent();
        }

        bool acknowledged(acknowledgement how) const noexcept { return c_.report().acknowledged() == how; }

        /// A reason that is there while lws serves the connection is not one that lws fails it with.
        void note_reason_left() noexcept {
            if (c_.established_ && !closing() && has_close_reason(wsi_))
                c_.reason_left_ = true;
        }

        /// What becomes known at the end of a frame that lws sent by a route of its own, which takes
        /// the answer without showing it: as it failed the connection, or as the program returned -1.
        void account_for_lws() noexcept {
            const auto *const prepared = c_.handshake_.requested();
            if (!prepared || !(failed_by_lws() || c_.dropped_))
                return;
            // A client's lws masks the frame in place as it sends it: unchanged, it never went out.
            const close_frame &frame = *prepared; // of a lean connection, the code alone
            if (c_.is_server_ || std::memcmp(prepared_body().data(), frame.data(), frame.size()) != 0)
                c_.handshake_.send();
#if LWS_LIBRARY_VERSION_MAJOR > 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR >= 4)
            if (lws_get_opcode(wsi_) == 8) // the last frame that came was a Close frame
                c_.handshake_.acknowledge();
#else
            if (!timed_out()) // lws waits longer for a silent peer
                c_.handshake_.acknowledge(acknowledgement::inferred);
#endif
        }

        void close_transport() noexcept {
            account_for_lws();
            if (c_.report().initiator() == initiator::peer && c_.report().acknowledged() == acknowledgement::inferred &&
                timed_out())
                c_.handshake_.answer_lost();
            c_.handshake_.transport_closed(c_.dropped_        ? initiator::local
                                           : c_.ended_by_lws_ ? initiator::library
                                                              : initiator::transport);
        }

        ending finish(ending how) noexcept {
            if (lws *const network = lws_get_network_wsi(wsi_); network != wsi_)
                lws_callback_on_writable(network); // or the end of an HTTP/2 stream goes out with its next frame alone
            c_.handshake_.transport_closed();
            c_.linked_.wsi = nullptr;
            c_.end_links();
            return how;
        }

        basic_connection<Frame> &c_;
        lws                     *wsi_;
    };

    template <class Member>
    struct member_of {
        static_assert(!std::is_same_v<Member, Member>,
                      "wsclose: the member of tracked<> has to be a wsclose::connection");
    };
    template <class Session, class Frame>
    struct member_of<basic_connection<Frame> Session::*> {
        using type = Session;
    };

    template <class Session, class = void>
    inline constexpr bool takes_report = false;
    template <class Session>
    inline constexpr bool takes_report<
        Session, std::void_t<decltype(std::declval<Session &>().on_close(std::declval<const close_report &>()))>> =
        true;

    // A member of the session's with this name, be it private or of another type, makes it ambiguous.
    struct other_on_close {
        void on_close();
    };
    template <class Session>
    struct with_other_on_close : Session, other_on_close {};
    template <class Session, class = void>
    inline constexpr bool has_on_close = true;
    template <class Session>
    inline constexpr bool has_on_close<Session, std::void_t<decltype(&with_other_on_close<Session>::on_close)>> = false;

    template <class Session>
    constexpr bool is_told() noexcept {
        if constexpr (!takes_report<Session> && !std::is_final_v<Session>)
            static_assert(!has_on_close<Session>, "wsclose: on_close has to be a public member of the session that "
                                                  "can be called with a const wsclose::close_report &");
        return takes_report<Session>;
    }

    /// Whether `user` is the session of `wsi`, and `wsi` one of this adapter's: lws calls the first
    /// protocol of a vhost with other connections and other protocols' sessions too.
    inline bool is_session(lws *wsi, const void *user, lws_callback_function *adapter) noexcept {
        if (!wsi || !user || user != lws_wsi_user(wsi))
            return false;
        const lws_protocols *protocol = lws_get_protocol(wsi);
        return protocol && protocol->callback == adapter;
    }

    /// Whether a WebSocket is about to come up, or failed to, that has no session to be tracked in.
    inline bool lacks_session(lws *wsi, lws_callback_reasons reason, const void *user) noexcept {
        if (user ||
            (reason != LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION && reason != LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH &&
             reason != LWS_CALLBACK_CLIENT_CONNECTION_ERROR))
            return false;
        lwsl_err("wsclose: protocol \"%s\" is tracked and has no session: write sizeof(session) where its "
                 "per_session_data_size is 0\n",
                 lws_get_protocol(wsi)->name);
        return true;
    }

    /// Whether this is for the session alone, which is gone: it was destroyed while it was connected.
    inline bool session_is_gone(lws *wsi, lws_callback_reasons reason, const void *user,
                                lws_callback_function *adapter) noexcept {
        switch (reason) {
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
        case LWS_CALLBACK_RECEIVE:
        case LWS_CALLBACK_CLIENT_RECEIVE:
        case LWS_CALLBACK_RECEIVE_PONG:
        case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        case LWS_CALLBACK_SERVER_WRITEABLE:
        case LWS_CALLBACK_CLIENT_WRITEABLE:
        case LWS_CALLBACK_TIMER:
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: break;
        default: return false;
        }
        const lws_protocols *protocol = lws_get_protocol(wsi);
        return !user && protocol && protocol->callback == adapter;
    }

    /// Begins a session: constructs it where it lies in memory of lws'. False where it cannot be.
    template <class Session, class Frame>
    bool begin_session(tracker<Frame> &track, lws *wsi, void *user, lws_callback_reasons reason) {
        static_assert(alignof(Session) <= alignof(std::max_align_t), "wsclose: lws allocates sessions with malloc()");
        bool fits = true;
        if (track.needs_construction(sizeof(Session), fits)) {
            if (!fits) {
                lwsl_err("wsclose: protocol \"%s\": per_session_data_size is %lu, and the session takes %lu bytes; "
                         "write sizeof(session) there\n",
                         lws_get_protocol(wsi)->name,
                         static_cast<unsigned long>(lws_get_protocol(wsi)->per_session_data_size),
                         static_cast<unsigned long>(sizeof(Session)));
                return false;
            }
            if constexpr (std::is_default_constructible_v<Session>) {
                ::new (user) Session();
                track.constructed_by_adapter();
            } else {
                lwsl_err("wsclose: protocol \"%s\": the session has no default constructor; set per_session_data_size "
                         "to 0 and give lws a session of your own (lws_client_connect_info.userdata)\n",
                         lws_get_protocol(wsi)->name);
                return false;
            }
        }
        track.begin(reason);
        return true;
    }
} // namespace detail

/// The callback to put into the table of protocols in place of `Callback`:
///
///     {"chat", wsclose::tracked<callback_chat, &session::close>, sizeof(session), ...}
///
/// `Member` points to the `connection` in the session; where that is inherited, name the session as
/// the third argument. `Callback` is called as ever, but that
/// - a session is constructed before its first callback and destroyed after its last, where its
///   memory is lws'; before and after, `user` is null;
/// - the peer's Close frame is checked and answered; `Callback` sees those that keep the rules, and
///   what it returns for them is ignored;
/// - `session.on_close(const close_report &)`, where there is one, is called once for each
///   WebSocket connection, or attempt of a client's at one, when it is over, before the last callback;
/// - once the connection is closing, data and writeable events do not reach `Callback`.
template <lws_callback_function *Callback, auto Member,
          class Session = typename detail::member_of<decltype(Member)>::type>
int tracked(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    if (detail::lacks_session(wsi, reason, user))
        return -1;
    if (detail::session_is_gone(wsi, reason, user, &tracked<Callback, Member, Session>))
        return -1;
    if (!detail::is_session(wsi, user, &tracked<Callback, Member, Session>)) // a `user` at the end is another's
        return Callback(wsi, reason, reason == LWS_CALLBACK_WSI_DESTROY ? nullptr : user, in, len);

    Session        *self = static_cast<Session *>(user);
    detail::tracker track(self->*Member, wsi);
    if (!track.alive()) {
        if (!track.begins(reason))
            return Callback(wsi, reason, nullptr, in, len);
        if (!detail::begin_session<Session>(track, wsi, user, reason))
            return -1;
    }

    const detail::ending ending = track.end(reason, in, len);
    if (ending == detail::ending::none) {
        const detail::ruling ruling = track.before(reason, in, len);
        if (!ruling.pass)
            return ruling.result;
        const int result = Callback(wsi, reason, user, in, len);
        return lws_wsi_user(wsi) == user ? track.after(reason, result) : result; // else the session is gone
    }

    const bool ours = track.destroyed_by_adapter();
    if constexpr (detail::is_told<Session>()) {
        if (ending == detail::ending::reported) {
            const close_report report = (self->*Member).report(); // on_close may connect anew, and fail at once
            self->on_close(report);
        }
    }
    const int result = Callback(wsi, reason, user, in, len); // a session of the user's own may be gone after this
    if (ours) {
        self->~Session();
        std::memset(user, 0, sizeof(Session));
    } else {
        lws_set_wsi_user(wsi, nullptr);
    }
    return result;
}

} // namespace wsclose

#endif // WSCLOSE_LWS_TRACKED_HPP_INCLUDED
