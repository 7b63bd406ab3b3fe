// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_SOCKET_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_SOCKET_HPP_INCLUDED

// What the socket of a connection reveals.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <libwebsockets.h>
#ifdef _WIN32
#    include <winsock2.h>
#else
#    include <netinet/in.h>
#    include <netinet/tcp.h>
#    include <poll.h>
#    include <sys/socket.h>
#endif

#include <wsclose/lws/detail/verdict.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

inline lws_sockfd_type socket_of(lws *wsi) noexcept { return lws_get_socket_fd(lws_get_network_wsi(wsi)); }

/// Whether this is a stream of HTTP/2, which shares its socket with others.
inline bool is_stream(lws *wsi) noexcept { return lws_get_network_wsi(wsi) != wsi; }

/// Which of `events`, and of POLLERR and POLLHUP, the socket shows now.
inline int poll_now(lws *wsi, short events) noexcept {
    pollfd watched{socket_of(wsi), events, 0};
#ifdef _WIN32
    return ::WSAPoll(&watched, 1, 0) == 1 ? watched.revents : 0;
#else
    return ::poll(&watched, 1, 0) == 1 ? watched.revents : 0;
#endif
}

/// Whether the socket has room to send.
inline bool socket_takes_more(lws *wsi) noexcept { return (poll_now(wsi, POLLOUT) & POLLOUT) != 0; }

#ifdef __linux__
/// What the kernel tells of the connection; zeros if nothing.
inline tcp_info info_of(lws *wsi) noexcept {
    tcp_info  info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket_of(wsi), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        info = tcp_info{};
    return info;
}

/// How a connection was torn down. lws may have taken the error from the socket, but it is still in `errno`.
inline tcp kind_of_teardown(lws *wsi, const tcp_info &info, int last_error) noexcept {
    int       error = 0;
    socklen_t size  = sizeof error;
    ::getsockopt(socket_of(wsi), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == EPIPE) // the peer has ended TCP first, and reset it as it got more, such as an alert of TLS
        return tcp::fin;
    const bool is_lost = (error != 0 ? error : last_error) != ECONNRESET;
    return is_lost && (info.tcpi_retransmits != 0 || info.tcpi_probes != 0) ? tcp::lost : tcp::reset;
}
#endif

inline tcp tcp_state(lws *wsi) noexcept {
#ifdef __linux__
    const int last_error = errno;
    if (poll_now(wsi, POLLRDHUP) == 0)
        return tcp::whole;
    const tcp_info info = info_of(wsi);
    return info.tcpi_state == TCP_CLOSE ? kind_of_teardown(wsi, info, last_error) : tcp::fin;
#else // a peek misses a FIN behind unread data
    char       byte;
    const auto got   = ::recv(socket_of(wsi), &byte, 1, MSG_PEEK);
#    ifdef _WIN32
    const bool waits = got < 0 && WSAGetLastError() == WSAEWOULDBLOCK;
#    else
    const bool waits = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
#    endif
    return got > 0 || waits ? tcp::whole : got == 0 ? tcp::fin : tcp::reset;
#endif
}

/// Whether nothing came for 0.9 s, surely.
inline bool heard_nothing([[maybe_unused]] lws *wsi) noexcept {
#ifdef __linux__
    return info_of(wsi).tcpi_last_data_recv >= 900;
#else
    return false;
#endif
}

/// Whether TLS or HTTP/2 may have ended while TCP has not. lws consumes their end markers silently. One must have
/// come just now, so nothing has ended if no data came for 0.9 s.
inline bool layer_may_have_ended(lws *wsi) noexcept {
    return (is_stream(wsi) || lws_is_ssl(wsi)) && !heard_nothing(wsi);
}

/// Whether the socket is full, and the peer has taken nothing for 0.9 s: nothing was sent, or Linux has probed its
/// closed window three times, after 0.2, 0.4 and 0.8 s at least (such a probe may carry data).
inline bool takes_nothing([[maybe_unused]] lws *wsi) noexcept {
#ifdef __linux__
    if (socket_takes_more(wsi))
        return false;
    const tcp_info info = info_of(wsi);
    return info.tcpi_last_data_sent >= 900 || (info.tcpi_backoff >= 3 && info.tcpi_retransmits == 0);
#else
    return false;
#endif
}

/// Whether a ping went unanswered, as far as can be seen: the peer was silent, something was sent to it at least
/// 0.9 s later, and it stayed silent for 0.9 s or acknowledged nothing. lws pings after a silence of whole seconds.
inline bool ignored_ping([[maybe_unused]] lws *wsi) noexcept {
#ifdef __linux__
    if (is_stream(wsi)) // others use its socket
        return false;
    const tcp_info info = info_of(wsi);
    return info.tcpi_last_data_recv >= info.tcpi_last_data_sent + 900 &&
           (info.tcpi_last_data_sent >= 900 || info.tcpi_retransmits != 0);
#else
    return false;
#endif
}

/// Ends the sending side of TCP. What the kernel already has still goes out.
inline void shut_sending_side(lws *wsi) noexcept {
#ifdef _WIN32
    ::shutdown(socket_of(wsi), SD_SEND);
#else
    ::shutdown(socket_of(wsi), SHUT_WR);
#endif
}

/// How many bytes the kernel has taken so far to send to the peer; 0 if the system does not say.
inline std::uint64_t bytes_taken([[maybe_unused]] lws *wsi) noexcept {
#ifdef __linux__
    unsigned char info[216]; // struct tcp_info since Linux 4.19; the one in <netinet/tcp.h> is older
    socklen_t     size = sizeof info;
    if (::getsockopt(socket_of(wsi), IPPROTO_TCP, TCP_INFO, info, &size) != 0 || size < sizeof info)
        return 0;
    const auto read = [&info](std::size_t offset, auto value) {
        std::memcpy(&value, info + offset, sizeof value);
        return value;
    };
    constexpr std::size_t notsent_bytes = 144, bytes_sent = 200, bytes_retransmitted = 208;
    return read(bytes_sent, std::uint64_t{}) - read(bytes_retransmitted, std::uint64_t{}) +
           read(notsent_bytes, std::uint32_t{});
#else
    return 0;
#endif
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_SOCKET_HPP_INCLUDED
