// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "support/http2.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include <nghttp2/nghttp2.h>

#include "support/socket.hpp"

namespace test {

struct http2_stream::session {
    explicit session(int fd) : below(fd, false, "h2") {}
    ~session() { nghttp2_session_del(h2); }

    /// Writes all that the session has to say.
    bool flush() {
        const std::uint8_t *bytes = nullptr;
        for (;;) {
            const ssize_t size = nghttp2_session_mem_send(h2, &bytes);
            if (size <= 0)
                return size == 0;
            for (ssize_t done = 0; done < size;) {
                const ssize_t sent =
                    below.send(reinterpret_cast<const char *>(bytes) + done, static_cast<std::size_t>(size - done));
                if (sent <= 0)
                    return false;
                done += sent;
            }
        }
    }

    /// Reads once from the connection. As ::recv().
    ssize_t read_once() {
        std::uint8_t  bytes[16384];
        const ssize_t got = below.receive(reinterpret_cast<char *>(bytes), sizeof bytes);
        if (got > 0) {
            if (nghttp2_session_mem_recv(h2, bytes, static_cast<std::size_t>(got)) < 0)
                throw std::runtime_error("what came is not HTTP/2");
            flush();
        }
        return got;
    }

    static ssize_t take(nghttp2_session *, std::int32_t, std::uint8_t *to, std::size_t size, std::uint32_t *flags,
                        nghttp2_data_source *, void *user) {
        auto &self = *static_cast<session *>(user);
        if (self.outgoing.empty() && !self.fin)
            return NGHTTP2_ERR_DEFERRED;
        size = std::min(size, self.outgoing.size());
        self.outgoing.copy(reinterpret_cast<char *>(to), size);
        self.outgoing.erase(0, size);
        if (self.fin && self.outgoing.empty())
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    }

    static int on_data(nghttp2_session *, std::uint8_t, std::int32_t, const std::uint8_t *bytes, std::size_t size,
                       void *user) {
        static_cast<session *>(user)->incoming.append(reinterpret_cast<const char *>(bytes), size);
        return 0;
    }

    static int on_header(nghttp2_session *, const nghttp2_frame *, const std::uint8_t *name, std::size_t name_size,
                         const std::uint8_t *value, std::size_t value_size, std::uint8_t, void *user) {
        auto                  &self = *static_cast<session *>(user);
        const std::string_view field(reinterpret_cast<const char *>(name), name_size);
        if (field == ":status" || field == "retry-after")
            (field == ":status" ? self.status : self.retry_after)
                .assign(reinterpret_cast<const char *>(value), value_size);
        return 0;
    }

    static int on_frame(nghttp2_session *, const nghttp2_frame *frame, void *user) {
        auto &self = *static_cast<session *>(user);
        if (frame->hd.stream_id == self.id && self.id != 0 && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
            (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
            self.ended = true;
        if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
            self.answered = true;
        if (frame->hd.type == NGHTTP2_SETTINGS) // ours are in force once they are acknowledged
            (frame->hd.flags & NGHTTP2_FLAG_ACK ? self.acknowledged : self.greeted) = true;
        return 0;
    }

    static int on_stream_close(nghttp2_session *, std::int32_t, std::uint32_t error, void *user) {
        auto &self                                                = *static_cast<session *>(user);
        (error == NGHTTP2_NO_ERROR ? self.ended : self.was_reset) = true;
        return 0;
    }

    tls              below;
    nghttp2_session *h2 = nullptr;
    std::int32_t     id = 0;
    std::string      outgoing, incoming, status, retry_after;
    bool             greeted = false, acknowledged = false, fin = false, ended = false, was_reset = false;
    bool             answered = false; // a ping
};

http2_stream::http2_stream(int fd, std::string_view subprotocol, std::string_view origin, std::string_view extensions,
                           std::uint32_t window)
    : impl_(std::make_unique<session>(fd)) {
    nghttp2_session_callbacks *calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, session::on_data);
    nghttp2_session_callbacks_set_on_header_callback(calls, session::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, session::on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, session::on_stream_close);
    nghttp2_session_client_new(&impl_->h2, calls, impl_.get());
    nghttp2_session_callbacks_del(calls);
    const nghttp2_settings_entry initial{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(impl_->h2, NGHTTP2_FLAG_NONE, &initial, 1);
    nghttp2_session_set_local_window_size(impl_->h2, NGHTTP2_FLAG_NONE, 0, wide);
    impl_->flush();
    while (!impl_->greeted || !impl_->acknowledged)
        if (impl_->read_once() == 0)
            throw std::runtime_error("the server has no HTTP/2");

    const std::string subprotocols(subprotocol), from(origin), offered(extensions);
    const auto        field = [](const char *name, const std::string &value) {
        const auto *const n = reinterpret_cast<const std::uint8_t *>(name);
        const auto *const v = reinterpret_cast<const std::uint8_t *>(value.data());
        return nghttp2_nv{const_cast<std::uint8_t *>(n), const_cast<std::uint8_t *>(v), std::strlen(name), value.size(),
                          NGHTTP2_NV_FLAG_NONE};
    };
    const std::string connect = "CONNECT", websocket = "websocket", https = "https", path = "/", host = "127.0.0.1",
                      version = "13";
    const nghttp2_nv      request[]{field(":method", connect),
                                    field(":protocol", websocket),
                                    field(":scheme", https),
                                    field(":path", path),
                                    field(":authority", host),
                                    field("sec-websocket-version", version),
                                    field("sec-websocket-protocol", subprotocols),
                                    field("origin", from),
                                    field("sec-websocket-extensions", offered)};
    const std::size_t     fields = sizeof request / sizeof *request - offered.empty();
    nghttp2_data_provider body{};
    body.read_callback = session::take;
    impl_->id          = nghttp2_submit_request(impl_->h2, nullptr, request, fields, &body, nullptr);
    if (impl_->id < 0)
        throw std::runtime_error(nghttp2_strerror(impl_->id));
    impl_->flush();
    while (impl_->status.empty() && !impl_->ended && !impl_->was_reset)
        if (impl_->read_once() == 0)
            break;
    if (impl_->status != "200")
        throw std::runtime_error("the server refused the WebSocket: " + impl_->status +
                                 (impl_->retry_after.empty() ? "" : ", retry-after: " + impl_->retry_after));
}

http2_stream::~http2_stream() = default;

bool http2_stream::has_more() const {
    return impl_->below.has_more() || !impl_->incoming.empty() || impl_->ended || impl_->was_reset;
}

ssize_t http2_stream::send(const char *bytes, std::size_t size) {
    impl_->outgoing.append(bytes, size);
    nghttp2_session_resume_data(impl_->h2, impl_->id);
    return impl_->flush() ? static_cast<ssize_t>(size) : -1;
}

ssize_t http2_stream::receive(char *bytes, std::size_t size) {
    session &s = *impl_;
    if (s.incoming.empty() && !s.ended && !s.was_reset) {
        const ssize_t got = s.read_once();
        if (got <= 0)
            return got;
    }
    if (s.incoming.empty()) {
        errno = s.was_reset ? ECONNRESET : EAGAIN;
        return s.ended && !s.was_reset ? 0 : -1;
    }
    size = std::min(size, s.incoming.size());
    s.incoming.copy(bytes, size);
    s.incoming.erase(0, size);
    return static_cast<ssize_t>(size);
}

void http2_stream::send_fin() {
    impl_->fin = true;
    nghttp2_session_resume_data(impl_->h2, impl_->id);
    impl_->flush();
}

void http2_stream::open_window() {
    nghttp2_session_set_local_window_size(impl_->h2, NGHTTP2_FLAG_NONE, impl_->id, wide);
    impl_->flush();
}

bool http2_stream::answers_ping() {
    session &s = *impl_;
    s.answered = false;
    nghttp2_submit_ping(s.h2, NGHTTP2_FLAG_NONE, nullptr);
    s.flush();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (!s.answered && std::chrono::steady_clock::now() < limit) {
        const ssize_t got = s.read_once();
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
    }
    return s.answered;
}

void http2_stream::reset() {
    nghttp2_submit_rst_stream(impl_->h2, NGHTTP2_FLAG_NONE, impl_->id, NGHTTP2_CANCEL);
    impl_->flush();
}

} // namespace test
