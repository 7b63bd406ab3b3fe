// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_SOCKET_HPP_INCLUDED
#define WSCLOSE_DETAIL_SOCKET_HPP_INCLUDED

// What the socket of a connection tells that lws does not.

#include <cerrno>

#include <libwebsockets.h>
#ifdef __linux__
#    include <netinet/in.h>
#    include <netinet/tcp.h>
#    include <sys/socket.h>
#endif

namespace wsclose::detail {

inline lws_sockfd_type socket_of(lws *wsi) noexcept { return lws_get_socket_fd(lws_get_network_wsi(wsi)); }

#ifdef POLLRDHUP
/// Whether the socket is broken, or one of these events is there.
inline bool poll_now(lws *wsi, short events) noexcept {
    pollfd watched{socket_of(wsi), events, 0};
    return ::poll(&watched, 1, 0) != 0;
}
#endif

/// Whether the TCP stream that comes from the peer is at its end, or broken.
inline bool stream_has_ended(lws *wsi) noexcept {
#ifdef POLLRDHUP
    return poll_now(wsi, POLLRDHUP);
#else // a peek sees no end behind what was not read
    char       byte;
    const auto got = ::recv(socket_of(wsi), &byte, 1, MSG_PEEK);
#    ifdef _WIN32
    return got == 0 || (got < 0 && WSAGetLastError() != WSAEWOULDBLOCK);
#    else
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
#    endif
#endif
}

/// Whether nothing can be sent any more, since the peer has reset the TCP stream.
inline bool stream_is_broken(lws *wsi) noexcept {
#ifdef POLLRDHUP
    return poll_now(wsi, 0);
#else
    (void)wsi;
    return false;
#endif
}

/// Lets nothing more out, but for what is under way already. Not for a stream of HTTP/2, which is one of many.
inline void end_stream(lws *wsi) noexcept {
    if (lws_get_network_wsi(wsi) != wsi)
        return;
#ifdef _WIN32
    ::shutdown(socket_of(wsi), SD_SEND);
#else
    ::shutdown(socket_of(wsi), SHUT_WR);
#endif
}

/// Whether TLS or HTTP/2 may have ended on a TCP stream that has not: they have ends of their own,
/// which lws reads and does not show. So it may be where anything came within the last second.
inline bool layer_may_have_ended(lws *wsi) noexcept {
    lws *const network = lws_get_network_wsi(wsi);
    if (network == wsi && !lws_is_ssl(wsi))
        return false;
#ifdef __linux__
    tcp_info  info{};
    socklen_t size = sizeof info;
    return ::getsockopt(socket_of(wsi), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_last_data_recv < 900;
#else
    return true;
#endif
}

} // namespace wsclose::detail

#endif // WSCLOSE_DETAIL_SOCKET_HPP_INCLUDED
