// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CONNECTION_HPP_INCLUDED
#define WSCLOSE_LWS_CONNECTION_HPP_INCLUDED

// The member of a session that closes its connection and knows how it ended, and the reference
// that others keep instead of an `lws *`. For the service thread of lws; neither allocates.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/lws/close.hpp>

namespace wsclose {

/// Where a connection is in its life.
enum class connection_state : std::uint8_t {
    connecting, ///< not a WebSocket yet
    open,
    closing, ///< a Close frame was asked for, sent or received
    closed,
};

/// Why `connection::start` did nothing.
enum class start_error : std::uint8_t {
    none,
    not_connected,   ///< there is no connection yet; a client's begins once its TCP connection is up
    already_closing, ///< the first close wins, whoever began it
    already_closed,
};

/// The name of an error as its enumerator spells it; empty for `none`.
constexpr std::string_view name(start_error error) noexcept {
    switch (error) {
    case start_error::none: break;
    case start_error::not_connected: return "not_connected";
    case start_error::already_closing: return "already_closing";
    case start_error::already_closed: return "already_closed";
    }
    return {};
}

/// What `connection::start` returns.
struct start_result {
    start_error error = start_error::none;
    /// What of the code and the text had to be mended to be fit for the wire; `none` where nothing.
    make_error mended = make_error::none;

    constexpr explicit operator bool() const noexcept { return error == start_error::none; }
};

namespace detail {
    class link;
    template <class Frame>
    class tracker;

    /// What those who hang on a connection know of it.
    struct linked {
        lws  *wsi   = nullptr; ///< null before the connection began and from its end on
        link *first = nullptr;
    };

    /// What hangs on a connection and is told when it ends: references, timers, handles. An intrusive
    /// list; an element of it takes itself out as it goes.
    class link {
    public:
        using ended_function = void(link &) noexcept;

        explicit constexpr link(ended_function *ended = nullptr) noexcept : ended_(ended) {}
        link(const link &)            = delete;
        link &operator=(const link &) = delete;
        ~link() { detach(); }

        /// Whether there is a connection, and was not its end.
        bool is_attached() const noexcept { return target_ != nullptr; }

        /// The connection; null where there is none, or none any more.
        template <class Connection>
        Connection *target() const noexcept {
            static_assert(std::is_standard_layout_v<Connection>); // target_ is its first member
            return reinterpret_cast<Connection *>(target_);
        }

        template <class Connection>
        void attach(Connection *target) noexcept {
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

        void detach() noexcept {
            if (!target_)
                return;
            *pointer_to_this_ = next_;
            if (next_)
                next_->pointer_to_this_ = pointer_to_this_;
            target_ = nullptr;
            next_   = nullptr;
        }

        /// The connection is over: takes this out of its list and tells it so.
        void end() noexcept {
            detach();
            if (ended_)
                ended_(*this);
        }

    private:
        linked         *target_          = nullptr;
        link           *next_            = nullptr;
        link          **pointer_to_this_ = nullptr; // the connection's, or that of the one before it
        ended_function *ended_;
    };
} // namespace detail

/// One WebSocket connection, as a member of the session that `tracked` watches: a `connection`, of at
/// most 288 bytes, or a `lean_connection`, of at most 32, which keeps codes and no texts. lws zeroes the
/// memory of a session, and all-zero is a valid start.
///
/// A session that is destroyed while it is connected takes the connection with it: no callback
/// comes for it any more, and lws drops the connection without a Close frame. One of the user's own
/// that was given to lws_client_connect_via_info() has to live at least until its connection began
/// (LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) or failed, and serves one connection at a time.
template <class Frame>
class basic_connection {
public:
    constexpr basic_connection() noexcept
        : owner_(owner::user), established_(false), is_server_(false), wants_to_write_(false), dropped_(false),
          ended_by_lws_(false), end_on_timer_(false), asked_for_headers_(false), reason_left_(false),
          limit_is_set_(false) {}
    basic_connection(const basic_connection &)            = delete;
    basic_connection &operator=(const basic_connection &) = delete;
    ~basic_connection() { abandon(); }

    /// Closes the connection, from any callback or timer of the service thread, of this connection
    /// or another. One Close frame goes out, after what lws_write() took before and what the program
    /// has asked to write through `request_writable()`; the peer has 5 s to take all that and 5 s, less
    /// one at the most, to answer. Before the WebSocket is established the frame waits until it is.
    /// From then on the callback gets no more data and no writeable events but those asked for
    /// through `request_writable()`, and what it returns is ignored. A server's 1010 goes out as 1011.
    /// A `lean_connection` sends the code alone.
    start_result start(const close_frame &frame) noexcept {
        if (!wsi())
            return {state() == connection_state::closed ? start_error::already_closed : start_error::not_connected};
        const role here    = is_server_ ? role::server : role::client;
        const bool allowed = !frame.has_code() || is_sendable(frame.code(), here);
        if (!handshake_.request(allowed ? frame : close_frame::fit(close_code::internal_error, frame.reason())))
            return {start_error::already_closing};
        if (established_)
            send_when_writeable();
        return {start_error::none, allowed ? make_error::none : make_error::forbidden_code};
    }

    /// As `start(close_frame::fit(code, text))`; the result tells what had to be mended.
    start_result start(any_close_code code, std::string_view text = {}) noexcept {
        const make_error   wrong   = close_frame::make(code, text).error;
        const start_result started = start(close_frame::fit(code, text));
        return {started.error, started && wrong != make_error::none ? wrong : started.mended};
    }

    /// Asks lws for a writeable callback. False, and nothing is done, once the Close frame went out
    /// or came in, and before the WebSocket is established.
    bool request_writable() noexcept {
        const bool possible = established_ && (state() == connection_state::open || handshake_.requested());
        if (possible) {
            wants_to_write_ = true;
            lws_callback_on_writable(wsi());
        }
        return possible;
    }

    connection_state state() const noexcept {
        switch (handshake_.current()) {
        case handshake::state::open: break;
        case handshake::state::closing: return connection_state::closing;
        case handshake::state::closed: return connection_state::closed;
        }
        return established_ ? connection_state::open : connection_state::connecting;
    }

    /// What is known of the ending; final once `state()` is `closed`, so in `on_close` and in the
    /// last callback.
    const basic_close_report<Frame> &report() const noexcept { return handshake_.report(); }

    /// The live `lws *`; null before the connection began and from its end on.
    lws *wsi() const noexcept { return linked_.wsi; }

private:
    friend class detail::link;
    friend class detail::tracker<Frame>;
    using handshake = basic_close_handshake<Frame>;

    /// Whose the session's memory is. Zero: lws', and nothing was constructed in it yet.
    enum class owner : std::uint8_t { lws, user, adapter };

    void send_when_writeable() noexcept {
        timed_from_   = milliseconds();
        limit_is_set_ = true;
        limit_wait(PENDING_TIMEOUT_CLOSE_SEND);
        lws_callback_on_writable(wsi());
    }

    /// lws ends the connection unless the peer does what it has to in time.
    void limit_wait(pending_timeout what) noexcept {
        if (lws_get_network_wsi(wsi()) == wsi()) {
            lws_set_timeout(wsi(), what, detail::close_timeout_seconds);
        } else { // a stream of HTTP/2, for which lws_set_timeout() logs an error
            end_on_timer_ = true;
            lws_set_timer_usecs(wsi(), detail::close_timeout_seconds * LWS_US_PER_SEC);
        }
    }

    static std::uint16_t milliseconds() noexcept { return static_cast<std::uint16_t>(lws_now_usecs() / 1000); }

    /// Since `timed_from_`, in milliseconds up to 65 s.
    std::uint16_t elapsed() const noexcept { return static_cast<std::uint16_t>(milliseconds() - timed_from_); }

    void end_links() noexcept {
        while (linked_.first)
            linked_.first->end();
    }

    void abandon() noexcept {
        lws *const live = wsi();
        linked_.wsi     = nullptr;
        end_links();
        if (!live)
            return;
        lws_set_wsi_user(live, nullptr);
        lws_set_timeout(live, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    }

    detail::linked linked_;
    handshake      handshake_;
    owner          owner_;
    bool           established_ : 1;
    bool           is_server_ : 1;
    bool           wants_to_write_ : 1;
    bool           dropped_ : 1;           // the callback asked lws to end the connection
    bool           ended_by_lws_ : 1;      // lws began to end a stream that the peer had not ended
    bool           end_on_timer_ : 1;      // LWS_CALLBACK_TIMER is ours, and ends it
    bool           asked_for_headers_ : 1; // a client's TCP and TLS are up
    bool           reason_left_ : 1;       // by lws_close_reason(), with which lws did not end it yet
    bool           limit_is_set_ : 1;      // by start(), and no callback of the program's came since
    std::uint16_t  timed_from_ = 0;        // of start(), or lws beginning to end it; low bits of milliseconds
};

using connection      = basic_connection<close_frame>;
using lean_connection = basic_connection<detail::code_only>;

/// A reference to a connection for whoever is not its session. Empty from the moment the connection
/// ends, so it never leads to a dead `lws *`. Copyable. Takes no memory of its own.
template <class Connection>
class basic_connection_ref {
public:
    constexpr basic_connection_ref() noexcept = default;
    explicit basic_connection_ref(Connection &target) noexcept { link_.attach(target.wsi() ? &target : nullptr); }
    basic_connection_ref(const basic_connection_ref &other) noexcept { link_.attach(other.target()); }
    basic_connection_ref &operator=(const basic_connection_ref &other) noexcept {
        if (this != &other)
            link_.attach(other.target());
        return *this;
    }

    /// Whether the connection still is.
    explicit operator bool() const noexcept { return link_.is_attached(); }

    /// Lets go of the connection.
    void reset() noexcept { link_.detach(); }

    /// As `connection::request_writable()`. False where the connection is over.
    bool request_writable() const noexcept { return *this && target()->request_writable(); }

    /// As `connection::start()`. False where nothing was started.
    bool close(const close_frame &frame) const noexcept { return *this && target()->start(frame); }
    bool close(any_close_code code, std::string_view text = {}) const noexcept {
        return *this && target()->start(code, text);
    }

    /// Calls `function(lws *)` where the connection still is; false where it is over.
    template <class Function>
    bool with(Function &&function) const {
        if (!*this)
            return false;
        static_cast<Function &&>(function)(target()->wsi());
        return true;
    }

private:
    Connection *target() const noexcept { return link_.target<Connection>(); }

    detail::link link_;
};

using connection_ref      = basic_connection_ref<connection>;
using lean_connection_ref = basic_connection_ref<lean_connection>;

static_assert(sizeof(connection) <= 288, "wsclose: a tracked connection takes at most 288 bytes");
static_assert(sizeof(lean_connection) <= 32, "wsclose: a lean connection takes at most 32 bytes");

} // namespace wsclose

#endif // WSCLOSE_LWS_CONNECTION_HPP_INCLUDED
