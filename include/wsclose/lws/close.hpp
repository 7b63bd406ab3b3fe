// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CLOSE_HPP_INCLUDED
#define WSCLOSE_LWS_CLOSE_HPP_INCLUDED

// Closing and answering on a bare `lws *`, for programs that track no connection. Call each function as the last
// statement of a callback: `return wsclose::close(wsi, code, text);`

#include <cstddef>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE

namespace detail {
/// Gives `frame` to lws_close_reason(). An empty frame goes out as 1000, since lws cannot prepare an
/// empty one.
inline void set_close_reason(lws *wsi, const close_frame &frame) noexcept {
    const std::string_view reason = frame.reason();
    const close_code       code   = frame.has_code() ? frame.code() : close_code::normal_closure;
    // lws takes a pointer to non-const and only reads
    auto *const text = reinterpret_cast<unsigned char *>(const_cast<char *>(frame.data() + 2));
    lws_close_reason(wsi, static_cast<lws_close_status>(code), text, reason.size());
}
} // namespace detail

/// Closes with `frame`: `return wsclose::close(wsi, frame);` from a callback of this very `wsi`. Always returns
/// -1. In the server role lws sends the frame, waits up to 5 s for the answer and does not pass it on. In the
/// client role lws may end the connection at once, and the frame can be lost (docs/lws-behaviour.md).
/// `connection::close` has neither limitation.
inline int close(lws *wsi, const close_frame &frame) noexcept {
    detail::set_close_reason(wsi, frame);
    return -1;
}

/// Same as `close(wsi, close_frame::fit(code, text))`.
inline int close(lws *wsi, any_close_code code, std::string_view text = {}) noexcept {
    return close(wsi, close_frame::fit(code, text));
}

/// Answers the peer's Close frame: `return wsclose::answer_peer_close(wsi, in, len, answer);` from
/// LWS_CALLBACK_WS_PEER_INITIATED_CLOSE. Always returns -1. `answer` becomes the frame that goes out: the
/// peer's own, or one with 1002 or 1007 if the peer's is invalid. It follows whatever lws has
/// buffered; a server must not write earlier in the same callback.
inline int answer_peer_close(lws *wsi, const void *in, std::size_t len, close_frame &answer) noexcept {
    const parse_result result = close_frame::parse(in, len);
    answer                    = result.answer();
    detail::write_last_close_frame(wsi, answer, role::client); // a server gets no Close frame while lws holds data
    return -1;
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_CLOSE_HPP_INCLUDED
