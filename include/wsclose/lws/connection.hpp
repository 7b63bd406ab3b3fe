// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CONNECTION_HPP_INCLUDED
#define WSCLOSE_LWS_CONNECTION_HPP_INCLUDED

// The member of a session that closes its connection and knows how it ended, and the reference
// that others keep instead of an `lws *`. For the service thread of lws; neither allocates.

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/lws/close.hpp>
#include <wsclose/lws/detail/deadline.hpp>
#include <wsclose/lws/detail/link.hpp>

namespace wsclose {

/// Where a connection is in its life.
enum class connection_state : std::uint8_t {
    connecting, ///< not a WebSocket yet
    open,
    closing, ///< a Close frame was asked for, sent or received
    closed,
};

/// Why `connection::close` did nothing.
enum class close_error : std::uint8_t {
    none,
    not_connected,   ///< there is no connection yet; a client's begins once its TCP connection is up
    already_closing, ///< the first close wins, whoever began it
    already_closed,
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
    close_error error = close_error::none;
    /// What of the code and the text was adjusted to be fit for the wire; `none` if nothing was.
    make_error adjusted = make_error::none;

    constexpr explicit operator bool() const noexcept { return error == close_error::none; }
};

namespace detail {
    class tracker;
} // namespace detail

/// One WebSocket connection, as a member of the session that `tracked` watches; at most 288 bytes. lws
/// zeroes the memory of a session, and all-zero is a valid start.
///
/// A session that is destroyed while it is connected takes the connection with it: no callback
/// comes for it any more, and lws drops the connection without a Close frame. One of the user's own
/// that was given to lws_client_connect_via_info() has to live at least until its connection began
/// (LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) or failed, and serves one connection at a time.
class connection {
public:
    constexpr connection() noexcept
        : owner_(owner::user), stage_(stage::begun), ender_(initiator::transport), is_server_(false), wants_to_write_(false) {}
    connection(const connection &)            = delete;
    connection &operator=(const connection &) = delete;
    ~connection() { abandon(); }

    /// Closes the connection, from any callback or timer of the service thread, of this connection
    /// or another. One Close frame goes out, after what lws_write() took before and what the program
    /// has asked to write through `request_writable()`; the peer has 5 s to take all that and 5 s, less
    /// one at the most, to answer. Before the WebSocket is established the frame waits until it is.
    /// From then on the callback gets no more data, no LWS_CALLBACK_TIMER, and no writeable events but
    /// those asked for through `request_writable()`, and what it returns is ignored. A server's 1010
    /// goes out as 1011.
    close_result close(const close_frame &frame) noexcept {
        if (!wsi())
            return {state() == connection_state::closed ? close_error::already_closed : close_error::not_connected};
        const role here    = is_server_ ? role::server : role::client;
        const bool allowed = !frame.has_code() || is_sendable(frame.code(), here);
        if (stage_ == stage::ending ||
            !handshake_.request(allowed ? frame : close_frame::fit(close_code::internal_error, frame.reason())))
            return {close_error::already_closing};
        if (stage_ == stage::established) {
            deadline_.start(wsi());
            lws_callback_on_writable(wsi());
        }
        return {close_error::none, allowed ? make_error::none : make_error::forbidden_code};
    }

    /// As `close(close_frame::fit(code, text))`; the result tells what was adjusted.
    close_result close(any_close_code code, std::string_view text = {}) noexcept {
        const make_error   wrong  = close_frame::make(code, text).error;
        const close_result result = close(close_frame::fit(code, text));
        return {result.error, result && wrong != make_error::none ? wrong : result.adjusted};
    }

    /// Asks lws for a writeable callback. False, and nothing is done, once the Close frame went out
    /// or came in, and before the WebSocket is established.
    bool request_writable() noexcept {
        const bool possible =
            stage_ == stage::established && (state() == connection_state::open || handshake_.requested());
        if (possible) {
            wants_to_write_ = true;
            lws_callback_on_writable(wsi());
        }
        return possible;
    }

    connection_state state() const noexcept {
        switch (handshake_.current()) {
        case close_handshake::state::open: break;
        case close_handshake::state::closing: return connection_state::closing;
        case close_handshake::state::closed: return connection_state::closed;
        }
        return stage_ < stage::established ? connection_state::connecting : connection_state::open;
    }

    /// What is known of the ending; final once `state()` is `closed`, so in `on_close` and in the
    /// last callback.
    const close_report &report() const noexcept { return handshake_.report(); }

    /// The live `lws *`; null before the connection began and from its end on.
    lws *wsi() const noexcept { return linked_.wsi; }

private:
    friend class detail::link;
    friend class detail::tracker;

    /// Who owns the session's memory. Zero: lws does, and nothing was constructed in it yet.
    enum class owner : std::uint8_t { lws, user, adapter };

    enum class stage : std::uint8_t {
        begun,
        upgrading, ///< a client's TCP and TLS are up
        established,
        ending, ///< lws has begun to end it
    };

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

    detail::linked   linked_;
    close_handshake  handshake_;
    owner            owner_ : 2;
    stage            stage_ : 2;
    initiator        ender_ : 2; // if no Close frame ends it
    bool             is_server_ : 1;
    bool             wants_to_write_ : 1;
    std::uint16_t    code_left_ = 0; // by the program, through lws_close_reason(); 0: none
    detail::deadline deadline_;      // once it is closing
};

static_assert(sizeof(connection) <= 288, "wsclose: a tracked connection takes at most 288 bytes");

inline connection *detail::link::target() const noexcept {
    static_assert(std::is_standard_layout_v<connection>); // target_ is its first member
    return reinterpret_cast<connection *>(target_);
}

inline void detail::link::attach(connection *target) noexcept {
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

/// A reference to a connection for whoever is not its session. Empty from the moment the connection
/// ends, so it never leads to a dead `lws *`. Copyable. Takes no memory of its own.
class connection_ref {
public:
    constexpr connection_ref() noexcept = default;
    explicit connection_ref(connection &target) noexcept { link_.attach(target.wsi() ? &target : nullptr); }
    connection_ref(const connection_ref &other) noexcept { link_.attach(other.target()); }
    connection_ref &operator=(const connection_ref &other) noexcept {
        if (this != &other)
            link_.attach(other.target());
        return *this;
    }

    /// Whether the connection still is.
    explicit operator bool() const noexcept { return link_.is_attached(); }

    /// Lets go of the connection.
    void reset() noexcept { link_.detach(); }

    /// As `connection::request_writable()`. False if the connection is over.
    bool request_writable() const noexcept { return *this && target()->request_writable(); }

    /// As `connection::close()`. False if that did nothing.
    bool close(const close_frame &frame) const noexcept { return *this && target()->close(frame); }
    bool close(any_close_code code, std::string_view text = {}) const noexcept {
        return *this && target()->close(code, text);
    }

    /// Calls `function(lws *)` if the connection still is; false if it is over.
    template <class Function>
    bool with(Function &&function) const {
        if (!*this)
            return false;
        static_cast<Function &&>(function)(target()->wsi());
        return true;
    }

private:
    connection *target() const noexcept { return link_.target(); }

    detail::link link_;
};

} // namespace wsclose

#endif // WSCLOSE_LWS_CONNECTION_HPP_INCLUDED
