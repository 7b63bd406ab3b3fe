// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_WSI_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_WSI_HPP_INCLUDED

// All that is known of lws beyond its documentation, and what differs between its versions; and what
// the socket of a connection tells that lws does not. docs/lws-behaviour.md has the measurements.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <libwebsockets.h>
#ifdef _WIN32
#    include <winsock2.h>
#else
#    include <netinet/in.h>
#    include <netinet/tcp.h>
#    include <poll.h>
#    include <sys/socket.h>
#endif

#include <wsclose/close_frame.hpp>

namespace wsclose::detail {

// ---- what lws does and does not say

/// LWS_CALLBACK_CLIENT_HTTP_REDIRECT. lws 4.0 does not have it.
inline constexpr auto client_http_redirect = static_cast<lws_callback_reasons>(104);

/// Whether a protocol is dropped since its connection ends. lws names the function that drops it: its
/// closing one, or one that binds another protocol, which frees the session without a further word.
inline bool drops_for_good(const void *in) noexcept {
    return in && std::strstr(static_cast<const char *>(in), "close") != nullptr;
}

/// Whether a client's attempt failed in TLS, by lws' words for it, which are all that there is.
inline bool tells_of_tls(std::string_view error) noexcept {
    for (const std::string_view sign : {"SSL", "ssl", "tls", "cert", "SYSCALL", "client connect failed"})
        if (error.find(sign) != std::string_view::npos)
            return true;
    return false;
}

/// A text of lws', some of which count their terminating NUL.
inline std::string_view text_of(const void *in, std::size_t len) noexcept {
    std::string_view result(static_cast<const char *>(in), in ? len : 0);
    while (!result.empty() && result.back() == '\0')
        result.remove_suffix(1);
    return result;
}

/// Whether lws_context_destroy() is under way. False before 4.2, which does not tell.
inline bool is_destroying_context([[maybe_unused]] lws *wsi) noexcept {
#if LWS_LIBRARY_VERSION_MAJOR > 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR >= 2)
    return lws_context_is_being_destroyed(lws_get_context(wsi)) != 0;
#else
    return false;
#endif
}

/// Whether the last frame that came was a Close frame. False before 4.4, which does not tell.
inline bool close_came_last([[maybe_unused]] lws *wsi) noexcept {
#if LWS_LIBRARY_VERSION_MAJOR > 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR >= 4)
    return lws_get_opcode(wsi) == 8 && lws_remaining_packet_payload(wsi) == 0;
#else
    return false;
#endif
}

// ---- the frame that lws_close_reason() prepares

/// Whether lws_close_reason() was called, by the program or by lws itself. lws sends that frame as it
/// ends the connection, and nothing can take it back.
inline bool has_close_reason(lws *wsi) noexcept { return lws_get_close_length(wsi) > 0; }

/// Its body: two bytes at least, and not checked.
inline std::string_view prepared_body(lws *wsi) noexcept {
    return {reinterpret_cast<const char *>(lws_get_close_payload(wsi)),
            static_cast<std::size_t>(lws_get_close_length(wsi))};
}

// ---- the socket

inline lws_sockfd_type socket_of(lws *wsi) noexcept { return lws_get_socket_fd(lws_get_network_wsi(wsi)); }

/// Whether this is a stream of HTTP/2, one of many on its socket.
inline bool is_stream(lws *wsi) noexcept { return lws_get_network_wsi(wsi) != wsi; }

/// Whether the peer has ended its TCP stream, or reset it.
inline bool peer_ended_tcp(lws *wsi) noexcept {
#ifdef POLLRDHUP
    pollfd watched{socket_of(wsi), POLLRDHUP, 0};
    return ::poll(&watched, 1, 0) == 1;
#else // a peek sees no end behind what was not read
    char       byte;
    const auto got   = ::recv(socket_of(wsi), &byte, 1, MSG_PEEK);
#    ifdef _WIN32
    const bool waits = got < 0 && WSAGetLastError() == WSAEWOULDBLOCK;
#    else
    const bool waits = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
#    endif
    return got <= 0 && !waits;
#endif
}

/// Whether TLS or HTTP/2 may have ended on a TCP stream that has not: they have ends of their own,
/// which lws reads and does not show. So it may be if anything came within the last second.
inline bool layer_may_have_ended(lws *wsi) noexcept {
    if (!is_stream(wsi) && !lws_is_ssl(wsi))
        return false;
#ifdef __linux__
    tcp_info  info{};
    socklen_t size = sizeof info;
    return ::getsockopt(socket_of(wsi), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_last_data_recv < 900;
#else
    return true;
#endif
}

/// Lets nothing more out, but for what the kernel already has.
inline void shut_sending_side(lws *wsi) noexcept {
#ifdef _WIN32
    ::shutdown(socket_of(wsi), SD_SEND);
#else
    ::shutdown(socket_of(wsi), SHUT_WR);
#endif
}

/// How many bytes the kernel has taken for the peer so far; 0 if the system does not tell.
inline std::uint64_t bytes_taken([[maybe_unused]] lws *wsi) noexcept {
#ifdef __linux__
    unsigned char info[216]; // struct tcp_info of Linux 4.19 and later; that of <netinet/tcp.h> is older
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

/// Whether the kernel takes more for the peer now.
inline bool socket_takes_more(lws *wsi) noexcept {
    pollfd watched{socket_of(wsi), POLLOUT, 0};
#ifdef _WIN32
    return ::WSAPoll(&watched, 1, 0) == 1 && (watched.revents & POLLOUT);
#else
    return ::poll(&watched, 1, 0) == 1 && (watched.revents & POLLOUT);
#endif
}

// ---- writing

/// Whether permessage-deflate holds output of a message back. lws would take whatever is written next
/// for more of that message. lws is asked again after the socket, since the peer may have read in between.
inline bool holds_compressed_output(lws *wsi) noexcept {
    return lws_send_pipe_choked(wsi) && !lws_partial_buffered(wsi) && socket_takes_more(wsi) &&
           lws_send_pipe_choked(wsi);
}

/// Writes `frame` behind data that lws holds. After two writes there, lws leaves the header of the next
/// frame out, so this one brings its own. Masked, as a client's: a server's lws shows no Close frame
/// while it holds data.
inline bool write_behind_data(lws *wsi, const close_frame &frame) noexcept {
    constexpr std::size_t head = 6; // two bytes and the mask
    unsigned char         buffer[LWS_PRE + head + max_body_size];
    unsigned char *const  out  = buffer + LWS_PRE;
    const auto *const     body = reinterpret_cast<const unsigned char *>(frame.data());
    out[0]                     = 0x88;
    out[1]                     = static_cast<unsigned char>(0x80 | frame.size());
    lws_get_random(lws_get_context(wsi), out + 2, 4);
    for (std::size_t i = 0; i < frame.size(); ++i)
        out[head + i] = body[i] ^ out[2 + i % 4];
    return lws_write(wsi, out, head + frame.size(), LWS_WRITE_RAW) >= 0;
}

/// Writes `frame` as a Close frame, behind all that lws holds for this connection. False if the
/// connection is unusable.
///
/// 4 is the value of lws' own LWS_WRITE_CLOSE. It stands in a private header and is the one value
/// that the public enum leaves out, in every version from 4.0 to 5.0. lws compares it exactly: no
/// flag can be added.
inline bool write_close_frame(lws *wsi, const close_frame &frame) noexcept {
    unsigned char buffer[LWS_PRE + max_body_size];
    if (!is_stream(wsi)) {
        if (lws_partial_buffered(wsi))
            return write_behind_data(wsi, frame);
        while (holds_compressed_output(wsi))
            if (lws_write(wsi, buffer + LWS_PRE, 0, LWS_WRITE_CONTINUATION) < 0)
                return false;
    }
    std::memcpy(buffer + LWS_PRE, frame.data(), frame.size());
    constexpr auto lws_write_close = static_cast<lws_write_protocol>(4);
    return lws_write(wsi, buffer + LWS_PRE, frame.size(), lws_write_close) >= 0;
}

/// Writes `frame` as the last that this connection sends, before it is ended: what lws has prepared by
/// lws_close_reason() does not follow it. On a stream of HTTP/2, which shares its socket, it may.
inline bool write_last_close_frame(lws *wsi, const close_frame &frame) noexcept {
    if (!write_close_frame(wsi, frame))
        return false;
    if (has_close_reason(wsi) && !lws_partial_buffered(wsi) && !is_stream(wsi))
        shut_sending_side(wsi); // if lws still holds data, it flushes that and sends no frame of its own
    return true;
}

/// As `write_close_frame`, as lws ends the connection. False also if the kernel did not take all of it:
/// lws flushes no more, and if it has flushed the connection before, it takes a write and sends nothing.
inline bool write_while_ending(lws *wsi, const close_frame &frame) noexcept {
    if (lws_partial_buffered(wsi) || !socket_takes_more(wsi)) // it would stay with lws, which flushes no more
        return false;
    const std::uint64_t before = bytes_taken(wsi);
    if (!write_close_frame(wsi, frame) || lws_partial_buffered(wsi))
        return false;
    return is_stream(wsi) || before == 0 || bytes_taken(wsi) != before;
}

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_WSI_HPP_INCLUDED
