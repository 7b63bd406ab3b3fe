// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CONNECTION_HPP_INCLUDED
#define WSCLOSE_LWS_CONNECTION_HPP_INCLUDED

// A WebSocket connection as a member of the session, and a reference to it for everybody else. Both are for
// the service thread of lws, and neither allocates.

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/lws/detail/deadline.hpp>
#include <wsclose/lws/detail/link.hpp>

WSCLOSE_BEGIN_NAMESPACE

class drain;

/// The stages of a connection's life.
enum class connection_state : std::uint8_t {
    connecting, ///< the WebSocket is not established yet
    open,       ///< the WebSocket is established, and nobody has asked to close it
    closing,    ///< a Close frame was asked for, sent or received, or lws has begun to end the connection
    closed,     ///< the report is final
};

/// Why `connection::close` did nothing.
enum class close_error : std::uint8_t {
    none,            ///< the close was accepted
    not_connected,   ///< the connection has not begun; a client's begins when TCP and TLS are up
    already_closing, ///< the first close wins, no matter which side began it
    already_closed,  ///< the connection is over, or the reference is empty
};

/// The name of an error as its enumerator spells it; empty for `none`.
constexpr std::string_view name(close_error error) noexcept {
    switch (error) {
    case close_error::none: break;
    case close_error::not_connected: return "not_connected";
    case close_error::already_closing: return "already_closing";
    case close_error::already_closed: return "already_closed";
    }
    return {};
}

/// What `connection::close` returns.
struct close_result {
    close_error error = close_error::none; ///< why nothing was done; `none` if the close was accepted
    /// What was wrong with the code or the text, and was adjusted; `none` if nothing was.
    make_error adjusted = make_error::none;

    /// Whether the close was accepted: the frame goes out, adjusted or not.
    constexpr explicit operator bool() const noexcept { return error == close_error::none; }
};

/// What is left for `on_close` of the place where the connection was. Their `user` leads to the program:
/// lws_context_user(), lws_vhost_user(), `protocol->user`.
struct environment {
    lws_context         *context;  ///< never null
    lws_vhost           *vhost;    ///< of the listener, or of the client's attempt
    const lws_protocols *protocol; ///< the line in the table of protocols
};

namespace detail {
class closer;
class tracker;

/// Who constructs and destroys the session. Zeroed memory reads as `nobody`.
enum class owner : std::uint8_t {
    nobody,
    program,
    program_by_pointer, ///< the memory that lws gives to the callback holds a pointer to the session
    adapter,
};
} // namespace detail

/// One WebSocket connection, a member of the session that `tracked` watches. It takes at most 288 bytes, and
/// all-zero memory is a valid start.
///
/// If a session is destroyed while it is connected, its connection ends with it: lws drops TCP without a
/// Close frame, and no further callback comes for it. A session of your own that you gave to
/// lws_client_connect_via_info() must live until its connection has begun
/// (LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) or failed. If a `reconnector` connects it, its connection begins at
/// once, and it may be destroyed at any time. It serves one connection at a time: a second attempt ends.
class connection {
public:
    constexpr connection() noexcept
        : stage_(stage::begun), owner_(detail::owner::program), here_(role::client), queue_(queue::unknown), quiet_(0) {
    }
    connection(const connection &)            = delete;
    connection &operator=(const connection &) = delete;
    ~connection() { abandon(); }

    /// Closes the connection. Call it from any callback or timer of the service thread, of this connection
    /// or of another. One Close frame goes out, after everything that lws_write() took before and what the program
    /// still writes: the callback gets one more writeable callback, and then those that it asks for, until it writes
    /// nothing. If the WebSocket is not established yet, the frame waits until it is. From now on the callback gets
    /// no data, no pongs and no LWS_CALLBACK_TIMER, and its result is ignored. A server sends 1011 instead of 1010.
    close_result close(const close_frame &frame) noexcept {
        if (!wsi())
            return {state() == connection_state::closed ? close_error::already_closed : close_error::not_connected};
        const bool allowed = !frame.has_code() || is_sendable(frame.code(), here_);
        if (stage_ == stage::ending ||
            !handshake_.request(allowed ? frame : close_frame::fit(close_code::internal_error, frame.reason())))
            return {close_error::already_closing};
        if (stage_ == stage::established)
            start_closing();
        return {close_error::none, allowed ? make_error::none : make_error::forbidden_code};
    }

    /// As `close(close_frame::fit(code, text))`. The result tells what was adjusted.
    close_result close(any_close_code code, std::string_view text = {}) noexcept {
        make_error         adjusted{};
        const close_result result = close(close_frame::fit(code, text, here_, adjusted));
        return {result.error, result ? adjusted : make_error::none};
    }

    /// How long the peer may take, in microseconds (LWS_US_PER_SEC): to take all that is to be sent, at least 1 s;
    /// then to answer the Close frame, at least four fifths of it. After that the connection is dropped, and the
    /// report says that it was not clean. 0: the connection does not wait for an answer. At most 65 s; negative
    /// values count as 0. Applies to a close that has not begun. Without it, the session's `static constexpr
    /// lws_usec_t close_timeout` applies, or 5 s.
    void set_close_timeout(lws_usec_t time) noexcept { timeout_ = detail::close_timeout(time); }

    /// Asks lws for a writeable callback. Returns false and does nothing before the WebSocket is
    /// established, and once a Close frame went out or came in.
    bool request_writable() noexcept {
        const bool possible =
            stage_ == stage::established && (state() == connection_state::open || handshake_.requested());
        if (possible) {
            queue_ = queue::asked;
            lws_callback_on_writable(wsi());
        }
        return possible;
    }

    /// The stage of the connection's life. After it, there is no way back to an earlier one.
    connection_state state() const noexcept {
        switch (handshake_.current()) {
        case close_handshake::state::open: break;
        case close_handshake::state::closing: return connection_state::closing;
        case close_handshake::state::closed: return connection_state::closed;
        }
        return stage_ < stage::established    ? connection_state::connecting
               : stage_ == stage::established ? connection_state::open
                                              : connection_state::closing;
    }

    /// How the connection ends, as far as is known. Final once `state()` is `closed`: in `on_close` and in
    /// the last callback.
    const close_report &report() const noexcept { return handshake_.report(); }

    /// The live `lws *`; null before the connection has begun and after it has ended.
    lws *wsi() const noexcept { return linked_.wsi; }

private:
    friend class drain;
    friend class detail::link;
    friend class detail::closer;
    friend class detail::tracker;

    enum class stage : std::uint8_t {
        request, ///< of plain HTTP, or RAW: it does not become a WebSocket
        begun,
        established,
        ending, ///< lws has begun to end the connection
    };

    /// Whether the program still writes before the Close frame that waits.
    enum class queue : std::uint8_t {
        unknown, ///< lws may owe it a writeable callback
        asked,   ///< it has called request_writable()
        empty,
    };

    void start_closing() noexcept {
        deadline_.start(wsi(), time_to_take());
        lws_callback_on_writable(wsi());
    }

    /// How long the peer may take to answer, in milliseconds.
    std::int32_t time_to_answer() const noexcept { return std::int32_t{timeout_} - 1; }

    /// How long it may take to take what is sent before.
    std::int32_t time_to_take() const noexcept { return time_to_answer() > 1000 ? time_to_answer() : 1000; }

    void end_links() noexcept {
        while (linked_.first)
            linked_.first->end();
    }

    /// The session is destroyed.
    void abandon() noexcept {
        end_links(); // the adapter may find that lws has another session now
        lws *const live = wsi();
        linked_.wsi     = nullptr;
        if (!live)
            return;
        void *const user = lws_wsi_user(live);
        if (owner_ == detail::owner::program)
            lws_set_wsi_user(live, detail::destroyed_session());
        else if (owner_ == detail::owner::program_by_pointer && user && user != detail::destroyed_session())
            *static_cast<void **>(user) = nullptr;
        lws_set_timeout(live, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    }

    detail::linked   linked_;
    close_handshake  handshake_;
    detail::deadline deadline_;    // runs once the connection is closing
    std::uint16_t    timeout_ = 0; // as detail::close_timeout() gives it; 0 if nobody has set it
    stage            stage_ : 3;
    detail::owner    owner_ : 2;
    role             here_ : 1;
    queue            queue_ : 2;
    std::uint8_t     quiet_; // how many timers must fire without a writeable callback until the queue is empty
};

static_assert(sizeof(connection) <= 288, "wsclose: a tracked connection takes at most 288 bytes");

namespace detail {
inline connection *link::target() const noexcept {
    static_assert(std::is_standard_layout_v<connection>); // target_ is its first member
    return reinterpret_cast<connection *>(target_);
}

inline void link::attach(connection *target) noexcept {
    detach();
    if (!target)
        return;
    target_          = &target->linked_;
    next_            = target_->first;
    pointer_to_this_ = &target_->first;
    target_->first   = this;
    if (next_)
        next_->pointer_to_this_ = &next_;
}

/// The live `lws *`. Null if the connection has ended or, with a line in lws' log, if it has not begun.
inline lws *begun(const connection &c, const char *what) noexcept {
    if (!c.wsi() && c.state() == connection_state::connecting)
        _lws_log(LLL_WARN,
                 "wsclose: no %s: the connection has not begun; if LWS_CALLBACK_ESTABLISHED creates the session, it "
                 "begins when that returns; create it in LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION\n",
                 what);
    return c.wsi();
}
} // namespace detail

/// A reference to a connection, to keep instead of an `lws *`. It becomes empty when the connection ends, so
/// it never yields a dangling `lws *`. Copyable; allocates nothing.
class connection_ref {
public:
    constexpr connection_ref() noexcept = default;
    /// Refers to `target`; empty if that has not begun or has ended.
    explicit connection_ref(connection &target) noexcept { link_.attach(target.wsi() ? &target : nullptr); }
    /// Refers to the same connection.
    connection_ref(const connection_ref &other) noexcept { link_.attach(other.target()); }
    /// Refers to the connection of `other` from now on.
    connection_ref &operator=(const connection_ref &other) noexcept {
        link_.attach(other.target());
        return *this;
    }

    /// Whether the connection has not ended.
    explicit operator bool() const noexcept { return link_.is_attached(); }

    /// Drops the reference; the connection goes on.
    void reset() noexcept { link_.detach(); }

    /// As `connection::request_writable()`. Returns false if the connection has ended.
    bool request_writable() const noexcept { return *this && target()->request_writable(); }

    /// As `connection::close()`; `already_closed` if this is empty.
    close_result close(const close_frame &frame) const noexcept {
        return *this ? target()->close(frame) : close_result{close_error::already_closed};
    }
    /// As `connection::close()` with a code and a text; `already_closed` if this is empty.
    close_result close(any_close_code code, std::string_view text = {}) const noexcept {
        return *this ? target()->close(code, text) : close_result{close_error::already_closed};
    }

    /// The live `lws *`; null if the connection has ended. Do not keep it.
    lws *wsi() const noexcept { return *this ? target()->wsi() : nullptr; }

private:
    connection *target() const noexcept { return link_.target(); }

    detail::link link_;
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_CONNECTION_HPP_INCLUDED
