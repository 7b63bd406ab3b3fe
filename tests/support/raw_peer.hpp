// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_RAW_PEER_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_RAW_PEER_HPP_INCLUDED

// A WebSocket peer that is a bare socket, or TLS or another layer on one: it puts any bytes on the wire
// and shows which came back. Blocking, with a limit to every wait.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <libwebsockets.h> // SHA-1 and base64 alone

#include "support/frame.hpp"
#include "support/socket.hpp"
#include "support/tls.hpp"

namespace test {

enum class transport { tcp, tls };

/// What the environment asks for: WSCLOSE_TEST_TRANSPORT=tls, or TCP.
inline transport default_transport() {
    const char *asked = std::getenv("WSCLOSE_TEST_TRANSPORT");
    return asked && std::string_view(asked) == "tls" ? transport::tls : transport::tcp;
}

/// How a stream of bytes ended.
enum class stream_end { fin, reset, never };

/// What came from the other side until the end, and how long that took.
struct rest_of_stream {
    std::string bytes;
    stream_end  end;
    double      seconds;
};

class raw_peer {
public:
    enum class side { client, server };

    /// A connection to 127.0.0.1 and no more.
    static raw_peer connect_only(std::uint16_t port, transport how = default_transport()) {
        raw_peer    peer(socket_handle(make_socket()), side::client);
        sockaddr_in address = loopback(port);
        if (::connect(peer.socket_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot connect to port " + std::to_string(port));
        peer.begin_tls(how);
        return peer;
    }

    /// One side of a connection that exists, and no more. A client names the server to TLS, unless `name` is empty.
    static raw_peer over(socket_handle socket, side which, transport how, const std::string &name = {}) {
        raw_peer peer(std::move(socket), which);
        peer.begin_tls(how, name);
        return peer;
    }

    /// A client: connects to 127.0.0.1 and asks for a WebSocket. `headers`, with their ends of lines,
    /// go along.
    static raw_peer connect(std::uint16_t port, std::string_view subprotocol, transport how = default_transport(),
                            std::string_view headers = {}, std::string_view origin = "http://127.0.0.1") {
        raw_peer peer = connect_only(port, how);
        peer.upgrade(subprotocol, headers, origin);
        return peer;
    }

    /// What a client sends to ask for a WebSocket.
    static std::string request(std::string_view subprotocol, std::string_view headers = {},
                               std::string_view origin = "http://127.0.0.1") {
        return "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
               "Origin: " +
               std::string(origin)
                   .append("\r\nSec-WebSocket-Protocol: ")
                   .append(subprotocol)
                   .append("\r\n")
                   .append(headers) +
               "\r\n";
    }

    /// A client that is connected asks for a WebSocket.
    void upgrade(std::string_view subprotocol, std::string_view headers = {},
                 std::string_view origin = "http://127.0.0.1") {
        send(request(subprotocol, headers, origin));
        if (read_head().find(" 101 ") == std::string::npos)
            throw std::runtime_error("the server refused the WebSocket");
    }

    /// A client of a WebSocket that a layer asks for, made by `make` for a connected socket.
    template <class Make>
    static raw_peer connect_by(std::uint16_t port, Make &&make) {
        raw_peer peer = connect_only(port, transport::tcp);
        peer.layer_   = make(peer.socket_.get());
        return peer;
    }

    /// A server: takes the next connection and agrees to a WebSocket; `headers` go along. If `holds_back`,
    /// that goes out with what is sent up to `let_go()`, in one segment if it fits.
    static raw_peer accept(const listener &from, std::string_view subprotocol, transport how = default_transport(),
                           std::string_view headers = {}, bool holds_back = false) {
        raw_peer peer(from.accept(), side::server);
        peer.begin_tls(how);
        const std::string head = peer.read_head();
        test::hold_back(peer.socket_.get(), holds_back);
        peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: " +
                  accept_key(head) + (subprotocol.empty() ? "" : "\r\nSec-WebSocket-Protocol: ") +
                  std::string(subprotocol).append("\r\n").append(headers) + "\r\n");
        return peer;
    }

    /// A server: takes the next connection, and no more.
    static raw_peer accept_only(const listener &from, transport how = transport::tcp) {
        raw_peer peer(from.accept(), side::server);
        peer.begin_tls(how);
        return peer;
    }

    /// A server: takes the next connection and shows this certificate, which the client may not like.
    static void try_tls(const listener &from, const certificate &shown) {
        const socket_handle socket = from.accept();
        try {
            tls(socket.get(), true, {}, shown);
        } catch (const std::runtime_error &) {
        }
    }

    /// A server that answers the request for a WebSocket with `response`.
    static raw_peer answer_http(const listener &from, std::string_view response, transport how = default_transport()) {
        raw_peer peer(from.accept(), side::server);
        peer.begin_tls(how);
        peer.read_head();
        peer.send(response);
        return peer;
    }

    /// Bytes as they are.
    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            errno = 0; // a layer may leave it as it is
            const ssize_t sent =
                layer_ ? layer_->send(bytes.data(), bytes.size()) : send_to(socket_.get(), bytes.data(), bytes.size());
            if (sent <= 0) { // the other side is gone; what it sent is still to be read
                reset_ = reset_ || last_error() == ECONNRESET || last_error() == EPIPE;
                return;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

#ifndef _WIN32
    /// Sends what the socket takes within that time, and takes it off `bytes`. False if that is nothing.
    bool send_some(std::string_view &bytes, int timeout_ms) {
        pollfd waiting{socket_.get(), POLLOUT, 0};
        if (bytes.empty() || ::poll(&waiting, 1, timeout_ms) != 1)
            return false;
        const std::size_t size  = std::min<std::size_t>(bytes.size(), 16384);
        const int         flags = ::fcntl(socket_.get(), F_GETFL);
        ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK);
        errno              = 0;
        const ssize_t sent = layer_ ? layer_->send(bytes.data(), size) : send_to(socket_.get(), bytes.data(), size);
        const bool    full = sent < 0 && errno == EAGAIN;
        ::fcntl(socket_.get(), F_SETFL, flags);
        if (full)
            return false;
        reset_ = reset_ || sent <= 0; // the other side is gone
        bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : bytes.size());
        return true;
    }
#endif

    /// One frame as this side has to write it (a client masks), with `first` as its first byte.
    std::string frame(unsigned char first, std::string_view payload) const { return frame_by(side_, first, payload); }

    /// One frame as that side has to write it.
    static std::string frame_by(side writer, unsigned char first, std::string_view payload) {
        static constexpr char key[] = {'\x01', '\x02', '\x03', '\x04'};
        const int             mask  = writer == side::client ? 0x80 : 0;
        std::string           out(1, static_cast<char>(first));
        if (payload.size() < 126) {
            out += static_cast<char>(static_cast<int>(payload.size()) | mask);
        } else {
            out += static_cast<char>(126 | mask);
            out += static_cast<char>(payload.size() >> 8 & 0xFF);
            out += static_cast<char>(payload.size() & 0xFF);
        }
        if (!mask)
            return out.append(payload);
        out.append(key, 4);
        for (std::size_t i = 0; i < payload.size(); ++i)
            out += static_cast<char>(payload[i] ^ key[i % 4]);
        return out;
    }
    std::string text_frame(std::string_view payload) const { return frame(0x81, payload); }
    std::string close_frame(std::string_view body) const { return frame(0x88, body); }

    void send_text(std::string_view payload) { send(text_frame(payload)); }
    void send_close(std::string_view body) { send(close_frame(body)); }

    /// Ends what this side sends: the stream of HTTP/2, or TLS and TCP.
    void send_fin() {
        send_close_notify();
        if (!is_stream() && ::shutdown(socket_.get(), test::sending_side) != 0 && last_error() == ENOTCONN)
            reset_ = true;
    }

    /// Ends TLS but not TCP. Does nothing if there is no TLS.
    void send_close_notify() {
        if (layer_)
            layer_->send_fin();
    }
    void reset() {
        if (is_stream())
            return layer_->reset();
        const linger at_once{1, 0};
        set_option(socket_.get(), SOL_SOCKET, SO_LINGER, at_once);
        socket_.close();
    }

    /// Makes the kernel ignore all that comes for this socket, as if the network was gone.
    void cut_off() { test::cut_off(socket_.get()); }

    /// The head of an HTTP request or response.
    std::string read_head() {
        std::size_t end;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            if (!read_more(patience_ms))
                throw std::runtime_error("no HTTP head came");
        const std::string head = buffer_.substr(0, end + 4);
        buffer_.erase(0, end + 4);
        return head;
    }

    /// The next frame, its mask taken off: the first byte, the length byte and the payload, as an
    /// unmasked frame of fewer than 126 bytes of payload is on the wire. Less at the end of the stream.
    std::string read_frame() {
        while (!frame_view(buffer_).is_whole() && read_more(patience_ms)) {
        }
        const frame_view next(buffer_);
        if (!next.is_whole())
            return std::move(buffer_);
        const std::string frame = next.unmasked();
        buffer_.erase(0, next.size());
        return frame;
    }

    /// That many bytes as they are, or fewer if the stream ends before.
    std::string read_raw(std::size_t size) {
        while (buffer_.size() < size && read_more(patience_ms)) {
        }
        const std::string bytes = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return bytes;
    }

    /// All frames until the stream ends, their masks taken off.
    rest_of_stream read_to_end() {
        const auto begin = std::chrono::steady_clock::now();
        while (read_more(patience_ms)) {
        }
        rest_of_stream rest{{}, end_, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
        std::string_view left = buffer_;
        for (frame_view next(left); next.is_whole(); next = frame_view(left)) {
            rest.bytes += next.unmasked();
            left.remove_prefix(next.size());
        }
        buffer_ = left;
        rest.bytes += buffer_;
        return rest;
    }

    /// Whether what is sent waits for what follows, in one segment if it fits.
    void hold_back(bool on) noexcept { test::hold_back(socket_.get(), on); }
    void let_go() noexcept { hold_back(false); }

    /// Reads what comes within that time. False if nothing comes, or the stream has ended.
    bool read_for(int timeout_ms) { return end_ == stream_end::never && read_more(timeout_ms); }

    /// What was read and not taken yet, as it came.
    const std::string &unread() const noexcept { return buffer_; }

    /// How the stream of the other side has ended.
    stream_end end() const noexcept { return end_; }

    /// Whether the other side has ended TLS before TCP, as far as was read. True if there is no TLS.
    bool has_tls_ended() const noexcept { return !layer_ || layer_->has_ended(); }

    /// Makes the kernel keep little of what this side does not read.
    void keep_little() noexcept { set_option(socket_.get(), SOL_SOCKET, SO_RCVBUF, 32768); }

    /// Makes the kernel keep as little as it can, both ways.
    void keep_least() noexcept {
        set_option(socket_.get(), SOL_SOCKET, SO_RCVBUF, 1);
        set_option(socket_.get(), SOL_SOCKET, SO_SNDBUF, 1);
    }

    /// Plays a peer that keeps the rules: answers the next Close frame with the same, reads to the end.
    rest_of_stream answer_close_and_read_to_end() {
        std::string seen;
        for (;;) {
            const std::string next = read_frame();
            seen += next;
            if (next.size() < 2 || static_cast<unsigned char>(next[0]) == 0x88) {
                if (next.size() >= 2)
                    send_close(std::string_view(next).substr(2));
                rest_of_stream rest = read_to_end();
                rest.bytes          = seen + rest.bytes;
                return rest;
            }
        }
    }

    /// The value of Sec-WebSocket-Accept for the head of a request. RFC 6455 section 4.2.2.
    static std::string accept_key(const std::string &head) {
        const std::string name  = "sec-websocket-key:";
        std::string       lower = head;
        for (char &c : lower)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        const std::size_t begin = head.find_first_not_of(' ', lower.find(name) + name.size());
        const std::string key =
            head.substr(begin, head.find('\r', begin) - begin) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        unsigned char hash[20];
        char          encoded[40];
        lws_SHA1(reinterpret_cast<const unsigned char *>(key.data()), key.size(), hash);
        lws_b64_encode_string(reinterpret_cast<const char *>(hash), sizeof hash, encoded, sizeof encoded);
        return encoded;
    }

private:
    raw_peer(socket_handle socket, side which) : socket_(std::move(socket)), side_(which) {
        set_option(socket_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
        limit_waits(socket_.get()); // of a TLS handshake; all others ask poll() first
    }

    bool is_stream() const noexcept { return layer_ && layer_->is_stream(); }

    void begin_tls(transport how, const std::string &name = {}) {
        if (how == transport::tls)
            layer_ = std::make_unique<tls>(socket_.get(), side_ == side::server, std::string_view(),
                                           certificate::self_signed(), name);
    }

    bool read_more(int timeout_ms) {
        for (;;) {
            if (!(layer_ && layer_->has_more()) && !is_readable_within(socket_.get(), timeout_ms))
                return false;
            char          bytes[16384];
            const ssize_t got =
                layer_ ? layer_->receive(bytes, sizeof bytes) : ::recv(socket_.get(), bytes, sizeof bytes, 0);
            if (got > 0) {
                buffer_.append(bytes, static_cast<std::size_t>(got));
                return true;
            }
            if (got == 0 || last_error() != EAGAIN) {
                end_ = got == 0 && !reset_ ? stream_end::fin : stream_end::reset;
                if (got == 0)
                    send_fin(); // or lws would wait for it
                return false;
            }
        }
    }

    socket_handle          socket_;
    std::unique_ptr<layer> layer_; // goes before the socket
    side                   side_;
    std::string            buffer_;
    stream_end             end_   = stream_end::never;
    bool                   reset_ = false; // as a write found out; what is read then looks like a FIN
};

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_RAW_PEER_HPP_INCLUDED
