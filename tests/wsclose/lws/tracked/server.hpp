// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_LWS_TRACKED_SERVER_HPP_INCLUDED
#define WSCLOSE_TESTS_LWS_TRACKED_SERVER_HPP_INCLUDED

// A server whose sessions are tracked. Each test gives the callback of its sessions, and waits for what
// they leave in `events`: the line of each report, and whatever else the test adds.

#include <wsclose/lws/tracked.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

namespace tracked_test {

using namespace wsclose;
using namespace std::string_view_literals;
using test::line_of;
using test::raw_peer;
using test::stream_end;

inline test::event_log  events;
inline std::atomic<int> constructed{0}, destroyed{0}; // sessions

/// Is told if somebody writes over it.
struct witness {
    const void *self = this;
    ~witness() {
        if (self != this)
            events.add("the session was written over");
    }
};

struct session {
    witness                first; // destroyed after the connection
    connection             ws;
    std::string            owned         = "a string too long to be kept within the object itself, so that it can leak";
    const connection_ref  *closes_at_end = nullptr; // the connection that on_close closes
    lws_sorted_usec_list_t timer         = {};

    session() { ++constructed; }
    ~session() {
        lws_dll2_remove(&timer.list);
        ++destroyed;
    }
    void on_close(const close_report &report) {
        events.add(line_of(report));
        if (closes_at_end)
            closes_at_end->close(close_code{4001}, "bye");
        if (ws.wsi() || ws.state() != connection_state::closed || ws.close(close_code::normal_closure) ||
            ws.close(close_code::normal_closure).error != close_error::already_closed || ws.request_writable())
            events.add("the connection lives on in on_close");
    }
};

/// Keeps what lws logs at these levels, until this ends. To make behind the server, which sets them too.
class kept_log {
public:
    explicit kept_log(int levels) {
        lines_.clear();
        lws_set_log_level(levels, [](int, const char *line) { lines_ += line; });
        lwsl_warn("another line: lws 5 swallows what it has just logged\n");
    }
    kept_log(const kept_log &)            = delete;
    kept_log &operator=(const kept_log &) = delete;
    ~kept_log() { lws_set_log_level(LLL_ERR, nullptr); }

    const std::string &lines() const noexcept { return lines_; }

private:
    static inline std::string lines_;
};

/// What the callback of a session does.
using session_callback = std::function<int(session &, lws *, lws_callback_reasons, std::string_view)>;

inline session_callback behaviour; // of the running test

inline int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    if (!user || !behaviour)
        return 0;
    return behaviour(*static_cast<session *>(user), wsi, reason,
                     std::string_view(static_cast<const char *>(in), in ? len : 0));
}

/// The table of a server with the one protocol that most tests need.
inline const lws_protocols one_protocol[] = {
    {"tracked", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// Checks at its end that every session that was constructed was destroyed, and that the test has waited
/// for all that was reported.
class server {
public:
    explicit server(session_callback what = nullptr, const lws_protocols *protocols = one_protocol,
                    const test::host_options &options = {})
        : before_(constructed - destroyed) {
        events.clear(); // of a test that failed
        behaviour = std::move(what);
        host_     = std::make_unique<test::lws_host>(protocols, options);
    }
    server(const server &)            = delete;
    server &operator=(const server &) = delete;
    ~server() {
        host_.reset();
        CHECK(constructed - destroyed == before_);
        CHECK(events.empty());
        behaviour = nullptr;
    }

    raw_peer        connect(const char *protocol = "tracked") { return raw_peer::connect(host_->port(), protocol); }
    test::lws_host &host() { return *host_; }

private:
    int                             before_;
    std::unique_ptr<test::lws_host> host_;
};

inline constexpr auto    bye       = "\x0F\xA1"
                                     "bye"sv; // 4001
inline const std::string bye_frame = "\x88\x05\x0F\xA1"
                                     "bye";

inline constexpr auto reserved_bits = "\xF1\x80\x01\x02\x03\x04"sv; // a frame that breaks the protocol

inline const bool over_tls = test::default_transport() == test::transport::tls;

inline bool received(lws_callback_reasons reason) {
    return reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_CLIENT_RECEIVE;
}

/// Closes with 4001 "bye" once a message comes.
inline int close_on_receive(session &s, lws *, lws_callback_reasons reason, std::string_view) {
    if (received(reason))
        s.ws.close(close_code{4001}, "bye");
    return 0;
}

/// Gives the peer a second to close once a message comes.
inline int limit_on_receive(session &s, lws *, lws_callback_reasons reason, std::string_view) {
    if (received(reason))
        s.ws.set_close_timeout(LWS_US_PER_SEC);
    return 0;
}

/// Writes so many bytes as one message.
inline void write(lws *wsi, std::size_t size, lws_write_protocol kind = LWS_WRITE_BINARY) {
    std::string buffer(LWS_PRE + size, 'x');
    lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), size, kind);
}

/// Leaves 1001 "old" with lws, as a program on bare lws does.
inline void leave_reason(lws *wsi) {
    unsigned char old[] = {'o', 'l', 'd'};
    lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, old, sizeof old);
}

} // namespace tracked_test

#endif // WSCLOSE_TESTS_LWS_TRACKED_SERVER_HPP_INCLUDED
