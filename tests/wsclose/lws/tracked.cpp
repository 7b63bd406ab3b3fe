// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/tracked.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <wsclose/format.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using test::raw_peer;
using test::stream_end;

namespace {

test::event_log  events;
std::atomic<int> constructed{0}, destroyed{0};

std::string text(const close_report &report) { return std::string(text_line(report).view()); }

// What the callback of the session does, set by each test before it connects.
struct session;
std::function<int(session &, lws *, lws_callback_reasons, std::string_view)> behaviour;

struct session {
    connection             ws;
    std::string            owned = "a string too long to be kept within the object itself, so that it can leak";
    connection_ref         other;
    const connection_ref  *closes = nullptr; // when it is over itself
    lws_sorted_usec_list_t timer  = {};

    session() { ++constructed; }
    ~session() {
        lws_dll2_remove(&timer.list);
        ++destroyed;
    }
    void on_close(const close_report &report) {
        events.add(text(report));
        if (closes)
            closes->close(close_code{4001}, "bye");
        if (ws.wsi() || ws.state() != connection_state::closed || ws.close(close_code::normal_closure) ||
            ws.close(close_code::normal_closure).error != close_error::already_closed || ws.request_writable())
            events.add("the connection lives on in on_close");
    }
};

std::atomic<int> null_callbacks{0}; // of those that are for a session alone

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    if (!user && (reason == LWS_CALLBACK_CLIENT_RECEIVE || reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE))
        ++null_callbacks;
    if (!user || !behaviour)
        return 0;
    return behaviour(*static_cast<session *>(user), wsi, reason,
                     std::string_view(static_cast<const char *>(in), in ? len : 0));
}

// A session that inherits its connection is named to the adapter.
struct base {
    connection ws;
};
struct derived : base {
    std::string name = "constructed";
    void        on_close(const close_report &report) { events.add(name + ": " + text(report)); }
};
int derived_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_RECEIVE)
        CHECK(static_cast<derived *>(user)->ws.close(close_code{1006}, "\xFF").adjusted == make_error::forbidden_code);
    return 0;
}

// A session that connects itself anew as soon as it is over, for as long as `next` says where to.
struct phoenix {
    connection      ws;
    connection_ref  ref;
    test::lws_host *host = nullptr;
    std::uint16_t   next = 0;

    void on_close(const close_report &report) {
        if (ref)
            events.add("a reference is left in on_close");
        if (next != 0)
            host->connect_here(std::exchange(next, std::uint16_t{0}), "phoenix", this);
        events.add(text(report)); // which the new connection has not touched
    }
};
int phoenix_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    phoenix *p = static_cast<phoenix *>(user);
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        p->ref = connection_ref(p->ws);
    if (reason == LWS_CALLBACK_CLIENT_WRITEABLE)
        events.add("writeable");
    if (reason != LWS_CALLBACK_CLIENT_RECEIVE)
        return 0;
    if (p->next == 0) { // the second time
        p->ws.close(close_code{4001}, "bye");
        return 0;
    }
    p->ws.request_writable();
    return -1;
}

int plain_callback(lws *, lws_callback_reasons reason, void *, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLOSED)
        events.add("plain closed");
    return 0;
}

struct plain_session {
    char bytes[16];
};

// The tracked protocol comes first: lws calls it with other protocols' connections, too.
const lws_protocols protocols[] = {
    {"tracked", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"plain", plain_callback, sizeof(plain_session), 0, 0, nullptr, 0},
    {"own", tracked<callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {"small", tracked<callback, &session::ws>, sizeof(session) - 1, 0, 0, nullptr, 0},
    {"large", tracked<callback, &session::ws>, sizeof(session) + 1, 0, 0, nullptr, 0},
    {"phoenix", tracked<phoenix_callback, &phoenix::ws>, 0, 0, 0, nullptr, 0},
    {"derived", tracked<derived_callback, &derived::ws, derived>, sizeof(derived), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

constexpr auto    bye       = "\x0F\xA1"
                              "bye"sv; // 4001
const std::string bye_frame = "\x88\x05\x0F\xA1"
                              "bye";

// Before 4.2 lws does not say that its context is being destroyed.
const std::string context_destroyed = std::string("closed by ") +
                                      (LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 2 ? "us"
                                       : test::default_transport() == test::transport::tls             ? "the transport"
                                                                                           : "the library") +
                                      ", not cleanly: 1006 abnormal_closure";

// Runs a server whose session does `what`; checks at the end that every session that was constructed
// was destroyed, and that nothing more was reported than was waited for.
class server {
public:
    explicit server(decltype(behaviour) what = nullptr, const test::host_options &options = {})
        : before_(constructed - destroyed) {
        events.clear(); // of a test that failed
        behaviour = std::move(what);
        host_     = std::make_unique<test::lws_host>(protocols, options);
    }
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

// Whether the line of a report says that lws failed the connection with this frame, answered or not.
bool is_failed_with(const std::string &line, const std::string &frame) {
    return line.find("closed by the library, not cleanly: sent " + frame + ", received ") == 0 ||
           line.find("closed cleanly by the library: sent " + frame + ", received ") == 0;
}

bool received(lws_callback_reasons reason) {
    return reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_CLIENT_RECEIVE;
}

int close_on_receive(session &s, lws *, lws_callback_reasons reason, std::string_view) {
    if (received(reason))
        s.ws.close(close_code{4001}, "bye");
    return 0;
}

} // namespace

TEST_CASE("a close from the receive callback goes out, is answered and reported") {
    server   server(close_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    const auto seen = peer.answer_close_and_read_to_end();
    CHECK(seen.bytes == bye_frame);
    CHECK(seen.end == stream_end::fin);
    CHECK(seen.seconds < 1);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a close works from every place on the service thread") {
    const auto from = GENERATE("established", "writeable", "timer", "filter", "pong");
    CAPTURE(from);
    server   server([where = std::string(from)](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        const auto close = [&s] { CHECK(s.ws.close(close_code{4001}, "bye")); };
        if (where == "established" && reason == LWS_CALLBACK_ESTABLISHED)
            close();
        if (where == "filter" && reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION) {
            CHECK(s.ws.state() == connection_state::connecting);
            close();
            CHECK(s.ws.state() == connection_state::closing);
        }
        if (where == "writeable" && reason == LWS_CALLBACK_ESTABLISHED)
            CHECK((lws_callback_on_writable(wsi), true));
        if (where == "writeable" && reason == LWS_CALLBACK_SERVER_WRITEABLE)
            close();
        if (where == "pong" && reason == LWS_CALLBACK_RECEIVE_PONG)
            close();
        if (where == "timer" && reason == LWS_CALLBACK_ESTABLISHED)
            lws_sul_schedule(
                  lws_get_context(wsi), 0, &s.timer,
                  [](lws_sorted_usec_list_t *timer) {
                    session *self = lws_container_of(timer, session, timer);
                    self->ws.close(close_code{4001}, "bye");
                },
                  1000);
        return 0;
    });
    raw_peer peer = server.connect();
    if (std::string_view(from) == "pong")
        peer.send(peer.frame(0x8A, "pong"));
    const auto seen = peer.answer_close_and_read_to_end();
    CHECK(seen.bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("one connection can close another, through a reference") {
    static connection_ref first;
    server                server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason) && message == "I am first")
            first = connection_ref(s.ws);
        if (received(reason) && message == "close first")
            CHECK(first.close(close_code{4001}, "bye"));
        if (received(reason))
            events.add(std::string(message));
        return 0;
    });
    raw_peer              a = server.connect(), b = server.connect();
    a.send_text("I am first");
    CHECK(events.next() == "I am first");
    b.send_text("close first");
    CHECK(a.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "close first");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    server.host().on_service_thread([](lws_context *) {
        CHECK_FALSE(first);
        CHECK_FALSE(first.close(close_code::normal_closure));
        CHECK_FALSE(first.request_writable());
        CHECK_FALSE(first.with([](lws *) { FAIL("called for a dead connection"); }));
    });
    b.reset();
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("a second close changes nothing and says so") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (!received(reason))
            return 0;
        const close_result first = s.ws.close(close_code{4001}, "bye");
        CHECK(first);
        CHECK(first.adjusted == make_error::none);
        const close_result second = s.ws.close(close_code{4002}, "other");
        CHECK_FALSE(second);
        CHECK(second.error == close_error::already_closing);
        CHECK(name(second.error) == "already_closing");
        return -1; // as lws' own examples do: it changes nothing either
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a server's 1010 goes out as 1011, and a frame without a code as it is") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason) && message == "1010")
            CHECK(s.ws.close(frame<close_code::mandatory_extension>("x")).adjusted == make_error::forbidden_code);
        if (received(reason) && message == "empty")
            CHECK(s.ws.close(close_frame()).adjusted == make_error::none);
        return 0;
    });
    raw_peer a = server.connect();
    a.send_text("1010");
    CHECK(a.answer_close_and_read_to_end().bytes == "\x88\x03\x03\xF3x");
    CHECK(events.next() == "closed cleanly by us: sent 1011 internal_error \"x\", received 1011 \"x\"");
    raw_peer b = server.connect();
    b.send_text("empty");
    CHECK(b.answer_close_and_read_to_end().bytes == "\x88\x00"sv);
    CHECK(events.next() == "closed cleanly by us: sent 1005 no_status_received, received 1005");
}

TEST_CASE("a session may inherit its connection") {
    server   server;
    raw_peer peer = server.connect("derived");
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x05\x03\xF3\xEF\xBF\xBD");
    CHECK(
        events.next() ==
        "constructed: closed cleanly by us: sent 1011 internal_error \"\xEF\xBF\xBD\", received 1011 \"\xEF\xBF\xBD\"");
}

TEST_CASE("what was queued goes out before the Close frame") {
    static int left;
    left = 3;
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            s.ws.request_writable();
            s.ws.close(close_code{4001}, "bye");
        } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
            unsigned char buffer[LWS_PRE + 1] = {};
            buffer[LWS_PRE]                   = static_cast<unsigned char>('0' + left);
            lws_write(wsi, buffer + LWS_PRE, 1, LWS_WRITE_TEXT);
            if (--left > 0)
                s.ws.request_writable();
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x81\x01"
                                                       "3\x81\x01"
                                                       "2\x81\x01"
                                                       "1" +
                                                           bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("what lws_write took goes out before the Close frame, even if the socket was full") {
    static constexpr std::size_t size = 8u << 20; // more than a socket holds
    server                       server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            std::string buffer(LWS_PRE + size, 'x');
            lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), size, LWS_WRITE_BINARY);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer                     peer = server.connect();
    peer.send_text("x");
    std::string tail;
    std::size_t total = 0;
    // The big frame has a 64-bit length, which read_frame() does not know: look at the bytes alone.
    const std::string all = peer.read_raw(10 + size + bye_frame.size());
    total                 = all.size();
    tail                  = all.substr(all.size() - bye_frame.size());
    CHECK(total == 10 + size + bye_frame.size());
    CHECK(tail == bye_frame);
    peer.send_close(bye);
    CHECK(peer.read_to_end().end == stream_end::fin);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("once it is closing the callback gets no data") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason)) {
            events.add(std::string(message));
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send(peer.text_frame("first") + peer.text_frame("second"));
    CHECK(peer.read_frame() == bye_frame);
    peer.send(peer.text_frame("third") + peer.close_frame(bye));
    CHECK(peer.read_to_end().end == stream_end::fin);
    CHECK(events.next() == "first");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a close reaches the peer although the program had stopped reading") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_ESTABLISHED) {
            lws_rx_flow_control(wsi, 0);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("the program sees a good Close frame of the peer's, and its report in the last callback") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
            CHECK(message == bye);
            CHECK(s.ws.report().received()->reason() == "bye");
            CHECK(s.ws.close(close_code::normal_closure).error == close_error::already_closing);
            events.add("peer closes");
            return -1; // ignored
        }
        if (reason == LWS_CALLBACK_CLOSED)
            events.add("last: " + text(s.ws.report()));
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "peer closes");
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    CHECK(events.next() == "last: closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a bad Close frame of the peer's is refused at once and kept from the program") {
    server   server([](session &, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
            events.add("the program saw a bad frame");
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_close("\x03\xE8\xFF");
    const auto seen = peer.read_to_end();
    CHECK(seen.bytes == "\x88\x29\x03\xEF"
                        "Close frame with text that is not UTF-8");
    CHECK(seen.seconds < 1);
    CHECK(events.next() ==
          "closed by the peer, not cleanly: received an invalid frame (invalid_utf8), sent 1007 invalid_payload "
          "\"Close frame with text that is not UTF-8\"");
}

TEST_CASE("a program that drops the connection is reported as having done so") {
    server server(
        [](session &, lws *, lws_callback_reasons reason, std::string_view) { return received(reason) ? -1 : 0; });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("code written for bare lws keeps working and cannot send what is forbidden") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view message) {
        if (!received(reason))
            return 0;
        unsigned char why[] = {'w', 'h', 'y', 0xC3};
        lws_close_reason(wsi, static_cast<lws_close_status>(message == "bad" ? 1005 : 4001), why,
                         message == "bad" ? 4 : 3);
        return -1;
    });
    raw_peer good = server.connect();
    good.send_text("good");
    CHECK(good.answer_close_and_read_to_end().bytes == "\x88\x05\x0F\xA1"
                                                       "why");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"why\", received 4001 \"why\"");
    raw_peer bad = server.connect();
    bad.send_text("bad");
    CHECK(bad.answer_close_and_read_to_end().bytes == "\x88\x08\x03\xF3"
                                                      "why\xEF\xBF\xBD");
    CHECK(events.next() ==
          "closed cleanly by us: sent 1011 internal_error \"why\xEF\xBF\xBD\", received 1011 \"why\xEF\xBF\xBD\"");
}

TEST_CASE("a reason left with lws never becomes a second Close frame") {
    const auto when = GENERATE("before a close of ours", "before the peer's close", "in the peer's close");
    CAPTURE(when);
    server server(
        [where = std::string_view(when)](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            unsigned char old[] = {'o', 'l', 'd'};
            const bool    peer  = reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE;
            if ((received(reason) && where != "in the peer's close") || (peer && where == "in the peer's close"))
                lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, old, sizeof old);
            if (received(reason) && where == "before a close of ours")
                s.ws.close(close_code{4001}, "bye");
            return peer ? -1 : 0;
        });
    raw_peer peer = server.connect();
    peer.send_text("x");
    const bool ours = std::string_view(when) == "before a close of ours";
    if (!ours)
        peer.send_close(bye);
    const auto seen = ours ? peer.answer_close_and_read_to_end() : peer.read_to_end();
    CHECK(seen.bytes == bye_frame);
    CHECK(seen.seconds < 1);
    CHECK(events.next() == (ours ? "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\""
                                 : "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\""));
}

TEST_CASE("a close goes out and is answered while permessage-deflate is on") {
    const bool                 ours         = GENERATE(true, false);
    static const lws_extension extensions[] = {
        {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate; client_no_context_takeover"},
        {nullptr, nullptr, nullptr},
    };
    test::host_options options;
    options.extensions = extensions;
    server server(
        [ours](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (received(reason))
                s.ws.request_writable();
            if (received(reason) && ours)
                s.ws.close(close_code{4001}, "bye");
            if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
                std::string buffer(LWS_PRE + 1000, 'x');
                lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), 1000, LWS_WRITE_TEXT);
            }
            return 0;
        },
        options);
    raw_peer peer = raw_peer::connect(server.host().port(), "tracked", test::default_transport(),
                                      "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    peer.send_text("x");
    const std::string message = peer.read_frame();
    CHECK(static_cast<unsigned char>(message[0]) == 0xC1); // compressed
    CHECK(message.size() < 100);
    if (!ours)
        peer.send_close(bye);
    CHECK((ours ? peer.answer_close_and_read_to_end() : peer.read_to_end()).bytes == bye_frame);
    CHECK(events.next() == (ours ? "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\""
                                 : "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\""));
}

TEST_CASE("a connection can be closed in on_close of another") {
    static connection_ref other;
    server                server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason) && message == "other")
            other = connection_ref(s.ws);
        if (received(reason) && message == "first")
            s.closes = &other;
        if (received(reason))
            events.add(std::string(message));
        return 0;
    });
    raw_peer              a = server.connect(), b = server.connect();
    b.send_text("other");
    CHECK(events.next() == "other");
    a.send_text("first");
    CHECK(events.next() == "first");
    a.reset();
    CHECK(b.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a report says where the peer's code may have been another") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLOSED)
            CHECK(s.ws.report().code_uncertain() == (s.ws.report().code() == close_code::protocol_error));
        return 0;
    });
    raw_peer a = server.connect(), b = server.connect();
    a.send_close("\x03\xF4"); // 1012
    CHECK(a.read_to_end().bytes == "\x88\x02\x03\xEA");
    CHECK(events.next() == "closed by the peer: received 1002 protocol_error (or another code), sent 1002");
    b.send_close(bye);
    CHECK(b.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a peer that does not read is waited for no longer than 5 s, and the report says what it can still read") {
    const bool            ours = GENERATE(true, false);
    static connection_ref full;
    server                server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason))
            lws_callback_on_writable(wsi);
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
            std::string buffer(LWS_PRE + 1000, 'x');
            while (!lws_send_pipe_choked(wsi))
                lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), 1000, LWS_WRITE_BINARY);
            full = connection_ref(s.ws);
            events.add("full");
            lws_callback_on_writable(wsi);
        }
        return 0;
    });
    raw_peer              peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "full");
    while (events.next(300) == "full") { // until the kernel takes no more
    }
    if (ours)
        server.host().on_service_thread([](lws_context *) { CHECK(full.close(close_code{4001}, "bye")); });
    else
        peer.send_close(bye);
    const std::string report = events.next(9000);
    CAPTURE(report);
    if (ours)
        CHECK(report == "closed by us, not cleanly: 1006 abnormal_closure");
    const std::string all  = peer.read_to_end().bytes;
    const bool        came = all.size() >= bye_frame.size() && all.substr(all.size() - bye_frame.size()) == bye_frame;
    CHECK(came == (report == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\""));
    CHECK(came == !ours);
    CHECK_FALSE(full);
}

TEST_CASE("a silent peer is waited for no longer than 5 s, also where the program changes the timeout after a close") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            s.ws.close(close_code{4001}, "bye");
            lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    CHECK(events.next(9000) == "closed by us, not cleanly: sent 4001 \"bye\", received nothing");
}

TEST_CASE("lws failing the connection is reported as the library's doing") {
    server   server;
    raw_peer peer = server.connect();
    peer.send("\xF1\x80\x01\x02\x03\x04"); // reserved bits
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x0A\x03\xEA"
                                                       "rsv bits");
    // Whether lws understands the answer after that depends on its version.
    CHECK(is_failed_with(events.next(), "1002 protocol_error \"rsv bits\""));
}

const bool over_tls = test::default_transport() == test::transport::tls;

TEST_CASE("no Close frame of lws' follows ours, whatever the peer does then") {
    server   server(close_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    peer.send("\xF1\x80\x01\x02\x03\x04"); // reserved bits
    const auto rest = peer.read_to_end();
    CHECK(rest.bytes.empty());
    CHECK(rest.seconds < 1);
    // Over TLS, lws 4.0 now and then waits for its timeout, 20 s, before the last callback.
    CHECK(events.next(25000) == "closed by us, not cleanly: sent 4001 \"bye\", received nothing");
}

TEST_CASE("no reason left with lws follows our Close frame") {
    static connection_ref closing;
    server                server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            closing = connection_ref(s.ws);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer              peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    server.host().on_service_thread([](lws_context *) {
        CHECK(closing.with([](lws *wsi) {
            unsigned char old[] = {'o', 'l', 'd'};
            lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, old, sizeof old);
        }));
    });
    peer.send_close(bye);
    const auto rest = peer.read_to_end();
    CHECK(rest.bytes.empty());
    CHECK(rest.seconds < 1);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a frame without a code goes out as it is, also if a reason is left with lws") {
    const bool client = GENERATE(false, true);
    CAPTURE(client);
    server         server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        unsigned char old[] = {'o', 'l', 'd'};
        if (received(reason)) {
            lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, old, sizeof old);
            s.ws.close(close_frame());
        }
        return 0;
    });
    test::listener listener;
    if (client)
        server.host().connect(listener.port(), "tracked");
    raw_peer peer = client ? raw_peer::accept(listener, "tracked") : server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x00"sv);
    CHECK(events.next() == "closed cleanly by us: sent 1005 no_status_received, received 1005");
}

TEST_CASE("an answer that cannot go out is not called sent") {
    const bool good = GENERATE(true, false);
    server     server;
    raw_peer   peer = server.connect();
    server.host().on_service_thread([&](lws_context *) { // so that lws sees both at once
        peer.send_close(good ? bye : bye.substr(0, 1));
        peer.reset();
    });
    const std::string report = events.next();
    CAPTURE(report);
    // Over TLS lws may see the reset before it reads the frame.
    CHECK(test::is_unclean(report));
    CHECK(report.find("sent 1") == std::string::npos);
}

TEST_CASE("a frame that lws was left to send and did not is not called sent") {
    const auto what = GENERATE("data", "reset");
    CAPTURE(what);
    server   server([what = std::string(what)](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        unsigned char why[] = {'w', 'h', 'y'};
        if (!received(reason))
            return 0;
        if (what == "data") { // which lws flushes, and then forgets the frame
            std::string buffer(LWS_PRE + (16u << 20), 'x');
            lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), 16u << 20, LWS_WRITE_BINARY);
        }
        lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, why, sizeof why);
        return -1;
    });
    raw_peer peer = server.connect();
    server.host().on_service_thread([&](lws_context *) {
        peer.send_text("x");
        if (std::string_view(what) == "reset")
            peer.reset();
    });
    const std::string report = events.next();
    CAPTURE(report);
    CHECK(report.find("1006 abnormal_closure") != std::string::npos);
    CHECK(test::is_unclean(report));
}

TEST_CASE("a reason that was left with lws and not used does not say who ended the connection") {
    const bool fin = GENERATE(true, false);
    server     server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        unsigned char old[] = {'o', 'l', 'd'};
        if (received(reason)) {
            lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, old, sizeof old);
            events.add("reason");
        }
        return 0;
    });
    raw_peer   peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "reason");
    fin ? peer.send_fin() : peer.reset();
    const std::string report = events.next();
    const bool        unused = !fin || peer.read_to_end().bytes.empty();
    CHECK((unused || over_tls)); // there lws may see the end of TLS before that of TCP, which looks like a kill
    CHECK(report == (unused ? "closed by the transport, not cleanly: 1006 abnormal_closure"
                            : "closed by us, not cleanly: sent 1001 going_away \"old\", received nothing"));
}

TEST_CASE("a reset behind data that the program does not read is the transport's") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_ESTABLISHED) {
            lws_rx_flow_control(wsi, 0);
            events.add("deaf");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    CHECK(events.next() == "deaf");
    peer.send_text("x");
    peer.reset();
    if (test::event_loop::name() == "uv") // where lws does not look at a socket that is not to be read
        server.host().stop();
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("where lws ends a connection without a Close frame, it is the library's doing") {
    server   server;
    raw_peer peer = server.connect();
    peer.send(peer.frame(0x89, std::string(126, 'x'))); // a ping longer than a control frame may be
    CHECK(peer.read_to_end().bytes.empty());
    // Over TLS it could as well be that the peer had ended TLS.
    CHECK(events.next() == std::string("closed by the ") + (over_tls ? "transport" : "library") +
                               ", not cleanly: 1006 abnormal_closure");
}

TEST_CASE("a peer that does not answer lws' ping is the library's to give up") {
    lws_retry_bo_t retry{};
    retry.secs_since_valid_ping   = 1;
    retry.secs_since_valid_hangup = 2;
    test::host_options options;
    options.retry = &retry;
    server   server(nullptr, options);
    raw_peer peer = server.connect();
    CHECK(peer.read_frame()[0] == '\x89');
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed by the library, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("text that is not UTF-8 is the library's to refuse, where lws checks it") {
    server   server;
    raw_peer peer = server.connect();
    peer.send_text("\xFF");
    if (LWS_LIBRARY_VERSION_MAJOR < 5) { // it does not, unless it is told to
        peer.send_close(bye);
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    } else {
        CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x0A\x03\xEF"
                                                           "bad utf8");
        CHECK(is_failed_with(events.next(), "1007 invalid_payload \"bad utf8\""));
    }
}

TEST_CASE("the end of TLS alone is reported as the transport's") {
    if (!over_tls)
        return;
    server   server;
    raw_peer peer = server.connect();
    peer.send_close_notify();
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("FIN and reset are reported as the transport's") {
    server   server;
    raw_peer a = server.connect();
    a.send_fin();
    CHECK(a.read_to_end().bytes.empty());
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure");
    raw_peer b = server.connect();
    b.reset();
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("a context that is destroyed reports every connection that it still had") {
    {
        const int                       before = constructed - destroyed;
        std::unique_ptr<test::lws_host> host   = std::make_unique<test::lws_host>(protocols);
        raw_peer                        a      = raw_peer::connect(host->port(), "tracked");
        raw_peer                        b      = raw_peer::connect(host->port(), "tracked");
        host.reset();
        CHECK(constructed - destroyed == before);
    }
    CHECK(events.next() == context_destroyed);
    CHECK(events.next() == context_destroyed);
    CHECK(events.empty());
}

TEST_CASE("a vhost that is destroyed reports every connection that it still had") {
    server   server;
    raw_peer a = server.connect(), b = server.connect();
    server.host().on_service_thread([&](lws_context *) { lws_vhost_destroy(server.host().vhost()); });
    const bool ends_them = LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 2;
    if (!ends_them) // they go on, although nobody listens any more, until the context is destroyed
        server.host().stop();
    const std::string who = over_tls ? "transport" : "library";
    CHECK(events.next() == "closed by the " + who + ", not cleanly: 1006 abnormal_closure");
    CHECK(events.next() == "closed by the " + who + ", not cleanly: 1006 abnormal_closure");
}

TEST_CASE("a connection that the program refuses to upgrade has no report and leaks nothing") {
    server server([](session &, lws *, lws_callback_reasons reason, std::string_view) {
        return reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION ? -1 : 0;
    });
    lws_set_log_level(0, nullptr);
    CHECK_THROWS(server.connect());
}

TEST_CASE("plain HTTP on a tracked protocol has no report and leaks nothing") {
    static int requests;
    requests = 0;
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason != LWS_CALLBACK_HTTP)
            return 0;
        ++requests;
        CHECK(s.ws.state() == connection_state::connecting);
        lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, nullptr);
        return lws_http_transaction_completed(wsi);
    });
    raw_peer peer = raw_peer::connect_only(server.host().port());
    peer.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    CHECK(peer.read_head().find("HTTP/1.1 404 ") == 0);
    server.host().on_service_thread([](lws_context *) {}); // let lws bind the next request's session
    CHECK(requests == 1);
}

TEST_CASE("other protocols' connections are left alone") {
    server   server;
    raw_peer peer = server.connect("plain");
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "plain closed");
}

TEST_CASE("a table line that does not fit the session is refused with an error") {
    static std::string logged;
    const auto         protocol = GENERATE("small", "large", "own");
    server             server;
    logged.clear();
    lws_set_log_level(LLL_ERR, [](int, const char *line) { logged += line; });
    CHECK_THROWS_AS(server.connect(protocol), std::runtime_error); // before it is a WebSocket
    server.host().stop();
    lws_set_log_level(LLL_ERR, nullptr);
    CAPTURE(logged);
    CHECK(logged.find(std::string("wsclose: protocol \"") + protocol + '"') != std::string::npos);
    CHECK(logged.find("sizeof(session)") != std::string::npos);
}

TEST_CASE("a client connection that fails is reported with the reason why") {
    server server;
    server.host().connect(test::dead_port(), "tracked");
    const std::string report = events.next();
    CHECK(report.find("not connected: \"") == 0);
    CHECK(report.size() > sizeof "not connected: \"\"");
}

TEST_CASE("a client is told why a handshake failed") {
    const std::pair<const char *, const char *> how = GENERATE(
        std::pair{"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "HS: ws upgrade response not 101"},
        std::pair{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: tracked\r\n\r\n",
                  "HS: Accept hash wrong"});
    server         server;
    test::listener listener;
    lws_set_log_level(0, nullptr);
    server.host().connect(listener.port(), "tracked");
    raw_peer::answer_http(listener, how.first);
    CHECK(events.next() == "not connected: \"" + std::string(how.second) + "\"");
}

TEST_CASE("a client whose server says nothing is told of it in time") {
    test::host_options options;
    options.timeout_s = 1;
    server         server(nullptr, options);
    test::listener listener;
    lws_set_log_level(0, nullptr);
    server.host().connect(listener.port(), "tracked");
    const test::socket_handle silent = listener.accept();
    CHECK(events.next().find("not connected: \"") == 0);
}

TEST_CASE("a client whose TLS fails gets 1015") {
    test::host_options options;
    options.trusts = GENERATE(true, false);
    options.how    = test::transport::tls;
    server server(
        [](session &s, lws *, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
                CAPTURE(s.ws.report().error());
                CHECK(s.ws.report().code() == close_code::tls_handshake);
                CHECK(s.ws.report().initiator() == initiator::transport);
                CHECK_FALSE(s.ws.report().error().empty());
            }
            return 0;
        },
        options);
    test::listener listener;
    lws_set_log_level(0, nullptr);
    if (options.trusts) { // a server that does not speak TLS
        server.host().connect(listener.port(), "tracked");
        const test::socket_handle peer = listener.accept();
        CHECK(::send(peer.get(), "HTTP/1.1 400\r\n\r\n", 16, MSG_NOSIGNAL) == 16);
        CHECK(events.next().find("not connected: \"") == 0);
    } else { // a certificate that nobody vouches for
        server.host().connect(server.host().port(), "tracked");
        CHECK(events.next().find("not connected: \"") == 0);
    }
}

TEST_CASE("a client closes, and answers a close") {
    server         server(close_on_receive);
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    raw_peer first = raw_peer::accept(listener, "tracked");
    first.send_text("x");
    CHECK(first.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");

    server.host().connect(listener.port(), "tracked");
    raw_peer second = raw_peer::accept(listener, "tracked");
    second.send_close(bye);
    CHECK(second.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a close asked for before a client is connected goes out once it is") {
    server         server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER)
            s.ws.close(close_code{4001}, "bye");
        return 0;
    });
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    raw_peer peer = raw_peer::accept(listener, "tracked");
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a session of the user's own stays the user's, and serves again") {
    server         server(close_on_receive);
    test::listener listener;
    const int      before = destroyed;
    auto           own    = std::make_unique<session>();
    CHECK(own->ws.close(close_code::normal_closure).error == close_error::not_connected);
    for (int round = 0; round < 2; ++round) {
        server.host().connect(listener.port(), "own", own.get());
        raw_peer peer = raw_peer::accept(listener, "own");
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
        CHECK(destroyed == before);
    }
    server.host().connect(test::dead_port(), "own", own.get());
    CHECK(events.next().find("not connected: \"") == 0);
    server.host().on_service_thread([](lws_context *) {});
    CHECK(destroyed == before);
    CHECK(own->ws.state() == connection_state::closed);
}

TEST_CASE("a session of the user's own may connect anew from its on_close, with nothing left of before") {
    server         server;
    test::listener listener;
    phoenix        bird;
    bird.host = &server.host();
    bird.next = listener.port();
    server.host().connect(listener.port(), "phoenix", &bird);
    raw_peer first = raw_peer::accept(listener, "phoenix");
    first.send_text("x");
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure");
    raw_peer second = raw_peer::accept(listener, "phoenix");
    second.send_text("x");
    CHECK(second.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    CHECK_FALSE(bird.ref);
}

TEST_CASE("a session of the user's own may delete itself in the last callback") {
    server server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_CLOSED || reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR)
            delete &s;
        return 0;
    });
    server.host().connect(test::dead_port(), "own", new session);
    CHECK(events.next().find("not connected: \"") == 0);
    test::listener listener;
    server.host().connect(listener.port(), "own", new session);
    raw_peer peer = raw_peer::accept(listener, "own");
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a session of the user's own may delete itself in any callback") {
    const auto where =
        GENERATE(LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER, LWS_CALLBACK_CLIENT_ESTABLISHED,
                 LWS_CALLBACK_CLIENT_WRITEABLE, LWS_CALLBACK_CLIENT_RECEIVE, LWS_CALLBACK_WS_PEER_INITIATED_CLOSE);
    CAPTURE(static_cast<int>(where));
    server server([where = where](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
            lws_callback_on_writable(wsi);
        if (reason == where)
            delete &s;
        return reason == where && where == LWS_CALLBACK_CLIENT_RECEIVE ? -1 : 0;
    });
    lws_set_log_level(0, nullptr);
    test::listener listener;
    server.host().connect(listener.port(), "own", new session);
    raw_peer peer = raw_peer::accept(listener, "own");
    if (where == LWS_CALLBACK_CLIENT_RECEIVE)
        peer.send_text("x");
    if (where == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
        peer.send_close(bye);
    CHECK(peer.read_to_end().end != stream_end::never);
}

#if LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 1 // docs/lws-behaviour.md says what 4.0 does
TEST_CASE("a client that is redirected begins anew, and nothing of the first try is left") {
    static connection_ref ref;
    const bool            closing = GENERATE(false, true);
    if (test::event_loop::name() == "glib") {
        WARN("lws aborts by an assertion where a client in GLib's loop is redirected");
        return;
    }
    server server([closing](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
            if (!ref)
                ref = connection_ref(s.ws);
            if (closing)
                s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    lws_set_log_level(0, nullptr);
    test::listener first, second;
    server.host().connect(first.port(), "tracked");
    raw_peer::answer_http(first, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " +
                                     std::string(test::default_transport() == test::transport::tls ? "https" : "http") +
                                     "://127.0.0.1:" + std::to_string(second.port()) + "/\r\n\r\n");
    if (closing) {
        CHECK(events.next().find("not connected: \"") == 0);
    } else { // whether the second try succeeds depends on lws; that it is a new one does not
        const test::socket_handle next = second.accept();
        server.host().stop();
        events.next(0);
    }
    CHECK_FALSE(ref);
}
#endif

TEST_CASE("no callback comes for a session that has deleted itself") {
    server server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason)) {
            events.add(std::string(message));
            delete &s;
        }
        return 0;
    });
    null_callbacks = 0;
    lws_set_log_level(0, nullptr);
    test::listener listener;
    server.host().connect(listener.port(), "own", new session);
    raw_peer peer = raw_peer::accept(listener, "own");
    peer.send(peer.text_frame("a") + peer.text_frame("b") + peer.close_frame(bye));
    CHECK(events.next() == "a");
    CHECK(peer.read_to_end().bytes.empty());
    server.host().stop();
    CHECK(null_callbacks == 0);
}

TEST_CASE("a session that is destroyed while it is connected takes the connection with it") {
    server         server([](session &, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
            events.add("established");
        return 0;
    });
    test::listener listener;
    auto           own = std::make_unique<session>();
    server.host().connect(listener.port(), "own", own.get());
    raw_peer peer = raw_peer::accept(listener, "own");
    CHECK(events.next() == "established");
    server.host().on_service_thread([&own](lws_context *) { own.reset(); });
    const auto seen = peer.read_to_end();
    CHECK(seen.bytes.empty());
    CHECK(seen.end != stream_end::never);
}
