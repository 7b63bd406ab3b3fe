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

/// What became of the TCP stream that comes from the peer.
enum class stream_end : unsigned char {
    none,
    ended,
    broken, ///< and nothing can be sent any more
};

inline stream_end end_of_stream(lws *wsi) noexcept {
#ifdef POLLRDHUP
    pollfd watched{socket_of(wsi), POLLRDHUP, 0};
    ::poll(&watched, 1, 0);
    return watched.revents == 0           ? stream_end::none
           : watched.revents == POLLRDHUP ? stream_end::ended
                                          : stream_end::broken;
#else // a peek sees no end behind what was not read
    char       byte;
    const auto got   = ::recv(socket_of(wsi), &byte, 1, MSG_PEEK);
#    ifdef _WIN32
    const bool waits = got < 0 && WSAGetLastError() == WSAEWOULDBLOCK;
#    else
    const bool waits = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
#    endif
    return got > 0 || waits ? stream_end::none : stream_end::ended;
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
