// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_SOCKET_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_SOCKET_HPP_INCLUDED

// TCP sockets on 127.0.0.1, and what of them differs between systems.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

#ifdef _WIN32
#    include <winsock2.h>
#    include <ws2tcpip.h>
#else
#    include <arpa/inet.h>
#    include <fcntl.h>
#    include <netinet/in.h>
#    include <netinet/tcp.h>
#    include <poll.h>
#    include <sys/socket.h>
#    include <unistd.h>
#endif
#ifdef __linux__
#    include <linux/filter.h>
#endif

namespace test {

inline constexpr int patience_ms = 15000; // longer than any wait of lws'

#ifdef _WIN32
inline constexpr int sending_side = SD_SEND;

inline int make_socket() {
    static const int started = [] {
        WSADATA data;
        return ::WSAStartup(MAKEWORD(2, 2), &data);
    }();
    return started == 0 ? static_cast<int>(::socket(AF_INET, SOCK_STREAM, 0)) : -1;
}
inline int  accept_from(int fd) { return static_cast<int>(::accept(static_cast<SOCKET>(fd), nullptr, nullptr)); }
inline void close_socket(int fd) { ::closesocket(static_cast<SOCKET>(fd)); }
inline void do_not_block(int fd) {
    u_long on = 1;
    ::ioctlsocket(static_cast<SOCKET>(fd), FIONBIO, &on);
}
inline bool is_readable_within(int fd, int timeout_ms) {
    pollfd waiting{static_cast<SOCKET>(fd), POLLIN, 0};
    return ::WSAPoll(&waiting, 1, timeout_ms) == 1;
}

inline int send_to(int fd, const char *bytes, std::size_t size) {
    return ::send(static_cast<SOCKET>(fd), bytes, static_cast<int>(size), 0);
}

/// The last error of a socket, as POSIX calls it.
inline int last_error() {
    switch (const int error = ::WSAGetLastError()) {
    case WSAEWOULDBLOCK: return EAGAIN;
    case WSAECONNABORTED:
    case WSAECONNRESET: return ECONNRESET;
    case WSAESHUTDOWN: return EPIPE;
    case WSAENOTCONN: return ENOTCONN;
    default: return error;
    }
}
#else
inline constexpr int sending_side = SHUT_WR;

inline int  make_socket() { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }
inline int  accept_from(int fd) { return ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); }
inline void close_socket(int fd) { ::close(fd); }
inline void do_not_block(int fd) { ::fcntl(fd, F_SETFL, O_NONBLOCK); }
inline bool is_readable_within(int fd, int timeout_ms) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, timeout_ms) == 1;
}
inline ssize_t send_to(int fd, const char *bytes, std::size_t size) { return ::send(fd, bytes, size, MSG_NOSIGNAL); }
inline int     last_error() { return errno; }
#endif

/// setsockopt(), whose `value` is a pointer to something else on each system.
template <class Value>
bool set_option(int fd, int level, int name, const Value &value) {
    return ::setsockopt(fd, level, name, reinterpret_cast<const char *>(&value), sizeof value) == 0;
}

/// Makes a read of this socket fail if nothing comes.
inline void limit_waits(int fd) {
#ifdef _WIN32
    const DWORD limit = patience_ms;
#else
    const timeval limit{patience_ms / 1000, 0};
#endif
    set_option(fd, SOL_SOCKET, SO_RCVTIMEO, limit);
}

/// A TCP socket that closes itself.
class socket_handle {
public:
    explicit socket_handle(int fd = -1) noexcept : fd_(fd) {}
    socket_handle(socket_handle &&other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    socket_handle &operator=(socket_handle &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~socket_handle() { close(); }

    int  get() const noexcept { return fd_; }
    void close() noexcept {
        if (fd_ >= 0)
            close_socket(fd_);
        fd_ = -1;
    }

private:
    int fd_;
};

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family      = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port        = htons(port);
    return address;
}

/// Binds a socket to a free port of 127.0.0.1, and returns the port.
inline std::uint16_t bind_to_free_port(const socket_handle &socket) {
    sockaddr_in address = loopback(0);
    socklen_t   size    = sizeof address;
    if (::bind(socket.get(), reinterpret_cast<sockaddr *>(&address), size) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &size) != 0)
        throw std::runtime_error("cannot bind a socket to 127.0.0.1");
    return ntohs(address.sin_port);
}

/// A listening socket on a free port of 127.0.0.1.
class listener {
public:
    explicit listener(int backlog = 16) : socket_(make_socket()), port_(bind_to_free_port(socket_)) {
        if (::listen(socket_.get(), backlog) != 0)
            throw std::runtime_error("cannot listen on 127.0.0.1");
    }

    std::uint16_t port() const noexcept { return port_; }

    /// Whether somebody connects within that time.
    bool has_caller_within(int timeout_ms) const { return is_readable_within(socket_.get(), timeout_ms); }

    socket_handle accept() const {
        if (!has_caller_within(patience_ms))
            throw std::runtime_error("nobody connected");
        return socket_handle(accept_from(socket_.get()));
    }

private:
    socket_handle socket_;
    std::uint16_t port_;
};

/// A socket that has begun to connect to 127.0.0.1 and does not wait.
inline socket_handle begin_to_connect(std::uint16_t port) {
    socket_handle     begun(make_socket());
    const sockaddr_in address = loopback(port);
    do_not_block(begun.get());
    ::connect(begun.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address);
    return begun;
}

/// A port on 127.0.0.1 on which nobody listens, and that nobody else can get.
inline std::uint16_t dead_port() {
    static const socket_handle taken(make_socket());
    static const std::uint16_t port = bind_to_free_port(taken);
    return port;
}

/// Whether the kernel has sent something again, since nothing was acknowledged. Linux tells.
inline bool sends_again([[maybe_unused]] int fd) {
#ifdef __linux__
    tcp_info  info{};
    socklen_t size = sizeof info;
    return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_retransmits != 0;
#else
    return true;
#endif
}

/// Makes the kernel ignore all that comes for this socket, as if the network was gone. Linux can do that.
inline void cut_off([[maybe_unused]] int fd) {
#ifdef __linux__
    sock_filter      nothing = {BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &nothing};
    if (set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, program))
        return;
#endif
    throw std::runtime_error("the socket cannot be cut off");
}

/// Makes the kernel keep what is sent, and send it in one go when that ends. Linux can do that; others send it at once.
inline void hold_back([[maybe_unused]] int fd, [[maybe_unused]] bool on) {
#ifdef __linux__
    set_option(fd, IPPROTO_TCP, TCP_CORK, static_cast<int>(on));
#endif
}

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_SOCKET_HPP_INCLUDED
