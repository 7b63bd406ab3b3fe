// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_REFUSE_HPP_INCLUDED
#define WSCLOSE_LWS_REFUSE_HPP_INCLUDED

// Refuses a WebSocket for now, for example while a server goes down or is overloaded.

#include <cstddef>

#include <libwebsockets.h>

#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE

namespace detail {
/// The head of the response for HTTP/1; returns its size. (The functions of lws would write HTTP/1.0: it does not
/// know the version of the request yet.)
inline int head_of_http1(char *begin, std::size_t room, unsigned retry_after) noexcept {
    return lws_snprintf(begin, room,
                        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: %u\r\n"
                        "Content-Length: 0\r\nConnection: close\r\n\r\n",
                        retry_after);
}

/// The same for HTTP/2, with what the vhost adds to each response; returns 0 if there is not enough room.
inline int head_of_http2(lws *wsi, unsigned char *begin, std::size_t room, unsigned retry_after) noexcept {
    unsigned char *at = begin, *const end = begin + room;
    unsigned char name[] = "retry-after:", value[12];
    const int     size   = lws_snprintf(reinterpret_cast<char *>(value), sizeof value, "%u", retry_after);
    const bool    fits   = lws_add_http_header_status(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, &at, end) == 0 &&
                      lws_add_http_header_by_name(wsi, name, value, size, &at, end) == 0 &&
                      lws_finalize_http_header(wsi, &at, end) == 0;
    return fits ? static_cast<int>(at - begin) : 0;
}
} // namespace detail

/// Refuses a WebSocket with HTTP 503 and `Retry-After` (RFC 9110 sections 15.6.4 and 10.2.3). `retry_after` is in
/// seconds. Write `return wsclose::refuse(wsi, 30);` in LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION, or in
/// LWS_CALLBACK_HTTP_CONFIRM_UPGRADE, which lws does not call over HTTP/2. Always returns -1, which ends the
/// connection. `on_close` is not called for it.
inline int refuse(lws *wsi, unsigned retry_after) noexcept {
    constexpr std::size_t room = 2048;
    unsigned char         buffer[LWS_PRE + room];
    unsigned char *const  head = buffer + LWS_PRE;
    const int             size = detail::is_stream(wsi) ? detail::head_of_http2(wsi, head, room, retry_after)
                                                        : detail::head_of_http1(reinterpret_cast<char *>(head), room, retry_after);
    if (size > 0)
        lws_write(wsi, head, static_cast<std::size_t>(size),
                  static_cast<lws_write_protocol>(LWS_WRITE_HTTP_HEADERS | LWS_WRITE_H2_STREAM_END));
    return -1;
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_REFUSE_HPP_INCLUDED
