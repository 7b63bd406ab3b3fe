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

// ---- what differs between systems

#ifdef _WIN32
inline constexpr int sending_side = SD_SEND, would_block = WSAEWOULDBLOCK, was_reset = WSAECONNRESET;

inline int poll_one(pollfd &watched) noexcept { return ::WSAPoll(&watched, 1, 0); }
inline int last_error() noexcept { return ::WSAGetLastError(); }
#else
inline constexpr int sending_side = SHUT_WR, would_block = EAGAIN, was_reset = ECONNRESET;

inline int poll_one(pollfd &watched) noexcept { return ::poll(&watched, 1, 0); }
inline int last_error() noexcept { return errno; }
#endif

/// Which of `events`, and of POLLERR and POLLHUP, the socket shows now.
inline int poll_now(lws *wsi, short events) noexcept {
    pollfd watched{socket_of(wsi), events, 0};
    return poll_one(watched) == 1 ? watched.revents : 0;
}

#ifdef __linux__
using kernel_info = tcp_info;

/// What the kernel tells of the connection; zeros if nothing.
inline kernel_info info_of(lws *wsi) noexcept {
    kernel_info info{};
    socklen_t   size = sizeof info;
    if (::getsockopt(socket_of(wsi), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        info = kernel_info{};
    return info;
}

/// How a connection was torn down. lws may have taken the error from the socket; then it
/// is `before`, what `errno` was.
inline tcp kind_of_teardown(lws *wsi, const kernel_info &info, int before) noexcept {
    int       error = 0;
    socklen_t size  = sizeof error;
    ::getsockopt(socket_of(wsi), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == EPIPE) // the peer has ended TCP first, and reset it as it got more, such as an alert of TLS
        return tcp::fin;
    const bool is_lost = (error != 0 ? error : before) != ECONNRESET;
    return is_lost && (info.tcpi_retransmits != 0 || info.tcpi_probes != 0) ? tcp::lost : tcp::reset;
}

inline tcp tcp_state(lws *wsi) noexcept {
    const int before = last_error();
    if (poll_now(wsi, POLLRDHUP) == 0)
        return tcp::whole;
    const kernel_info info = info_of(wsi);
    return info.tcpi_state == TCP_CLOSE ? kind_of_teardown(wsi, info, before) : tcp::fin;
}

/// struct tcp_info as it is since Linux 4.19; the one in <netinet/tcp.h> is older.
class newer_kernel_info {
public:
    explicit newer_kernel_info(lws *wsi) noexcept {
        socklen_t size = sizeof bytes_;
        is_known_ = ::getsockopt(socket_of(wsi), IPPROTO_TCP, TCP_INFO, bytes_, &size) == 0 && size == sizeof bytes_;
    }

    /// How many bytes the kernel has taken so far to send to the peer; 0 if the system does not say.
    std::uint64_t taken() const noexcept {
        return is_known_ ? read<std::uint64_t>(200) - read<std::uint64_t>(208) + not_sent() : 0; // sent, retransmitted
    }

    /// How many of them wait, since the peer or the network takes no more.
    std::uint32_t not_sent() const noexcept { return is_known_ ? read<std::uint32_t>(144) : 0; }

private:
    template <class Number>
    Number read(std::size_t offset) const noexcept {
        Number value;
        std::memcpy(&value, bytes_ + offset, sizeof value);
        return value;
    }

    unsigned char bytes_[216];
    bool          is_known_;
};

inline std::uint64_t bytes_taken(lws *wsi) noexcept { return newer_kernel_info(wsi).taken(); }
inline std::uint32_t bytes_not_sent(lws *wsi) noexcept { return newer_kernel_info(wsi).not_sent(); }
#else // other kernels are not asked
struct kernel_info {
    unsigned tcpi_last_data_recv = 0, tcpi_last_data_sent = 0, tcpi_retransmits = 0, tcpi_backoff = 0;
};

inline kernel_info   info_of(lws *) noexcept { return {}; }
inline std::uint64_t bytes_taken(lws *) noexcept { return 0; }
inline std::uint32_t bytes_not_sent(lws *) noexcept { return 0; }

/// Misses a FIN behind unread data, and takes `lost` for `reset`. lws may have taken a reset from the socket, which
/// then looks like a FIN.
inline tcp tcp_state(lws *wsi) noexcept {
    const int before = last_error();
    if (poll_now(wsi, POLLOUT) & POLLERR)
        return tcp::reset;
    char       byte;
    const auto got = ::recv(socket_of(wsi), &byte, 1, MSG_PEEK);
    if (got > 0 || (got < 0 && last_error() == would_block))
        return tcp::whole;
    return got == 0 && before != was_reset ? tcp::fin : tcp::reset;
}
#endif

// ---- what follows from that; if the kernel tells nothing, it is false

/// Whether the socket has room to send.
inline bool socket_takes_more(lws *wsi) noexcept { return (poll_now(wsi, POLLOUT) & POLLOUT) != 0; }

/// Whether nothing came for 0.9 s, surely.
inline bool heard_nothing(lws *wsi) noexcept { return info_of(wsi).tcpi_last_data_recv >= 900; }

/// Whether TLS or HTTP/2 may have ended while TCP has not. lws consumes their end markers silently. One must have
/// come just now, so nothing has ended if no data came for 0.9 s.
inline bool layer_may_have_ended(lws *wsi) noexcept {
    return (is_stream(wsi) || lws_is_ssl(wsi)) && !heard_nothing(wsi);
}

/// Whether the socket is full, and the peer has taken nothing for 0.9 s: nothing was sent, or Linux has probed its
/// closed window three times, after 0.2, 0.4 and 0.8 s at least (such a probe may carry data).
inline bool takes_nothing(lws *wsi) noexcept {
    if (socket_takes_more(wsi))
        return false;
    const kernel_info info = info_of(wsi);
    return info.tcpi_last_data_sent >= 900 || (info.tcpi_backoff >= 3 && info.tcpi_retransmits == 0);
}

/// Whether a ping went unanswered, as far as can be seen: the peer was silent, something was sent to it at least
/// 0.9 s later, and it stayed silent for 0.9 s or acknowledged nothing. lws pings after a silence of whole seconds.
/// While the kernel still has data for it, it does not read, and may not have got the ping.
inline bool ignored_ping(lws *wsi) noexcept {
    if (is_stream(wsi)) // others use its socket
        return false;
    const kernel_info info = info_of(wsi);
    return info.tcpi_last_data_recv >= info.tcpi_last_data_sent + 900 &&
           (info.tcpi_retransmits != 0 || (info.tcpi_last_data_sent >= 900 && bytes_not_sent(wsi) == 0));
}

/// Ends the sending side of TCP. What the kernel already has still goes out.
inline void shut_sending_side(lws *wsi) noexcept { ::shutdown(socket_of(wsi), sending_side); }

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_SOCKET_HPP_INCLUDED
