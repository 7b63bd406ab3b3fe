// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_HTTP2_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_HTTP2_HPP_INCLUDED

// A WebSocket's stream of HTTP/2 (RFC 8441), the client's side, alone on its connection. By nghttp2.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "support/tls.hpp"

namespace test {

class http2_stream final : public layer {
public:
    /// So wide that the socket is what fills up.
    static constexpr std::uint32_t wide = 1 << 30;

    /// Asks for a WebSocket on a connected socket, with `extensions` unless that is empty. At first, the server may
    /// send `window` bytes on the stream. Throws if the server refuses, and says with which status.
    http2_stream(int fd, std::string_view subprotocol, std::string_view origin, std::string_view extensions = {},
                 std::uint32_t window = wide);
    http2_stream(const http2_stream &)            = delete;
    http2_stream &operator=(const http2_stream &) = delete;
    ~http2_stream() override;

    bool    has_more() const override;
    ssize_t send(const char *bytes, std::size_t size) override;
    ssize_t receive(char *bytes, std::size_t size) override; ///< -1 with ECONNRESET if the stream was reset
    void    send_fin() override;                             ///< END_STREAM
    void    reset() override;                                ///< RST_STREAM
    bool    is_stream() const override { return true; }
    void    open_window(); ///< lets the server send more, once

    bool answers_ping(); ///< whether the connection still serves others

private:
    struct session;
    std::unique_ptr<session> impl_;
};

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_HTTP2_HPP_INCLUDED
