// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CLOSE_HPP_INCLUDED
#define WSCLOSE_LWS_CLOSE_HPP_INCLUDED

// The verbs on a bare `lws *`, for programs that track nothing. Each is the last statement of a
// callback: `return wsclose::close(wsi, code, text);`

#include <cstddef>
#include <cstring>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>

namespace wsclose {

namespace detail {
    /// Leaves `frame` with lws as the reason to close with; an empty frame goes out as 1000, since
    /// lws has no way to prepare an empty one.
    inline void set_close_reason(lws *wsi, const close_frame &frame) noexcept {
        const std::string_view reason = frame.reason();
        const close_code       code   = frame.has_code() ? frame.code() : close_code::normal_closure;
        // lws takes a pointer to non-const, and copies from it
        auto *const text = reinterpret_cast<unsigned char *>(const_cast<char *>(frame.data() + 2));
        lws_close_reason(wsi, static_cast<lws_close_status>(code), text, reason.size());
    }

    /// Writes `frame` as a Close frame, behind what lws still holds for this connection. False where
    /// the connection is unusable. Only where lws allows a write: in a writeable callback, or where
    /// `lws_send_pipe_choked()` says that nothing is under way.
    ///
    /// 4 is the value of lws' own LWS_WRITE_CLOSE. It stands in a private header and is the one value
    /// that the public enum leaves out, in every version from 4.0 to 5.0 (docs/lws-behaviour.md).
    inline bool write_close_frame(lws *wsi, const close_frame &frame) noexcept {
        unsigned char buffer[LWS_PRE + max_body_size];
        std::memcpy(buffer + LWS_PRE, frame.data(), frame.size());
        constexpr auto lws_write_close = static_cast<lws_write_protocol>(4);
        return lws_write(wsi, buffer + LWS_PRE, frame.size(), lws_write_close) >= 0;
    }

    /// As long as lws itself waits for a peer to take a Close frame, or to answer one.
    inline constexpr int close_timeout_seconds = 5;

    /// Whether lws_close_reason() was called for a WebSocket, by the program or by lws. lws sends that
    /// frame as it ends the connection, and nothing can take it back.
    inline bool has_close_reason(lws *wsi) noexcept { return lws_get_close_length(wsi) > 0; }

    /// What came of an answer to a peer's Close frame.
    struct answer_result {
        enum fate { written, deferred, lost }; // deferred: lws was left to write it

        int  callback_result; ///< what the callback returns
        fate answer;
    };

    /// Answers a peer's Close frame, which is the last thing that `wsi` is used for.
    inline answer_result answer_and_end(lws *wsi, const close_frame &answer, bool is_echo) noexcept {
        if (!has_close_reason(wsi) && !lws_send_pipe_choked(wsi)) {
            const bool written = write_close_frame(wsi, answer);
            return {-1, written ? answer_result::written : answer_result::lost};
        }
        if (is_echo) { // lws echoes when it can, and would wait for that without limit
            lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, close_timeout_seconds);
            return {0, answer_result::deferred};
        }
        set_close_reason(wsi, answer);
        return {-1, answer_result::deferred};
    }
} // namespace detail

/// Closes with `frame`: `return wsclose::close(wsi, frame);` from a callback of this very `wsi`.
/// Always returns -1. A server's lws sends the frame, waits up to 5 s for the answer and shows
/// nobody what it was; a client's lws may end the connection at once, and then the frame can be
/// lost (docs/lws-behaviour.md). `connection::start` has neither limit.
inline int close(lws *wsi, const close_frame &frame) noexcept {
    detail::set_close_reason(wsi, frame);
    return -1;
}

/// As `close(wsi, close_frame::fit(code, text))`.
inline int close(lws *wsi, any_close_code code, std::string_view text = {}) noexcept {
    return close(wsi, close_frame::fit(code, text));
}

/// Answers the peer's Close frame: `return wsclose::answer_peer_close(wsi, in, len, frame);` from
/// LWS_CALLBACK_WS_PEER_INITIATED_CLOSE. `answer` becomes what is answered: the peer's own frame,
/// or one with 1002 or 1007 where the peer's broke the rules; the returned value holds what the
/// callback returns.
inline int answer_peer_close(lws *wsi, const void *in, std::size_t len, close_frame &answer) noexcept {
    const parse_result result = close_frame::parse(in, len);
    answer                    = result.answer();
    return detail::answer_and_end(wsi, answer, static_cast<bool>(result)).callback_result;
}

} // namespace wsclose

#endif // WSCLOSE_LWS_CLOSE_HPP_INCLUDED
