// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// What comes at the worst moment: several things in one read of lws', or while the socket is full. What
// the peer reads to the end is held against the report.

#include <wsclose/lws/tracked.hpp>

#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <wsclose/format.hpp>

#include "support/catch.hpp"
#include "support/frame.hpp"
#include "support/lws_host.hpp"
#include "support/noise.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using test::raw_peer;

namespace {

test::event_log events;

// Of the report that on_close got last; for whoever has taken its line out of `events`.
struct {
    std::string sent; // as an unmasked frame; empty if none was
    bool        clean, code_uncertain;
} last;

struct session;
std::function<int(session &, lws *, lws_callback_reasons, std::string_view)> behaviour;

struct session {
    connection ws;

    void on_close(const close_report &report) {
        const close_frame *sent = report.sent();
        last.sent               = sent ? std::string{'\x88', static_cast<char>(sent->size())}.append(
                                             reinterpret_cast<const char *>(sent->data()), sent->size())
                                       : std::string();
        last.clean              = report.clean();
        last.code_uncertain     = report.code_uncertain();
        events.add(test::line_of(report));
    }
};

constexpr std::size_t much = 1000 * 1000; // more than the socket takes, and twice that is what lws 5.0 holds at most

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        test::set_option(static_cast<int>(lws_get_socket_fd(wsi)), SOL_SOCKET, SO_SNDBUF, 65536);
    if (!user || !behaviour)
        return 0;
    return behaviour(*static_cast<session *>(user), wsi, reason,
                     std::string_view(static_cast<const char *>(in), in ? len : 0));
}

const lws_protocols protocols[] = {
    {"hostile", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

connection_ref the_connection; // for the service thread

// A host whose sessions do `what`. The peer is its client, or the server that it connects to.
class server {
public:
    explicit server(decltype(behaviour) what = nullptr, const test::host_options &options = {}) {
        events.clear(); // of a test that failed
        behaviour = std::move(what);
        host_     = std::make_unique<test::lws_host>(protocols, options);
    }
    ~server() {
        host_.reset();
        CHECK(events.empty());
        behaviour = nullptr;
    }
    raw_peer connect(std::string_view headers = {}) {
        return raw_peer::connect(host_->port(), "hostile", test::default_transport(), headers);
    }
    raw_peer accept(bool holds_back = false, std::string_view headers = {}) {
        host_->connect(listener_.port(), "hostile");
        return raw_peer::accept(listener_, "hostile", test::default_transport(), headers, holds_back);
    }
    test::lws_host &host() { return *host_; }

    /// Has the peer do something that lws sees at once, and waits until lws has.
    void at_once(const std::function<void()> &what) {
        host_->on_service_thread([&](lws_context *) { what(); });
        for (int i = 0; i < 2; ++i)
            host_->on_service_thread([](lws_context *) {});
    }

    /// Does something to the connection from outside its callbacks.
    void with_wsi(const std::function<void(lws *)> &what) {
        host_->on_service_thread([&](lws_context *) {
            REQUIRE(the_connection.wsi());
            what(the_connection.wsi());
        });
    }

private:
    test::listener                  listener_;
    std::unique_ptr<test::lws_host> host_;
};

bool received(lws_callback_reasons reason) {
    return reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_CLIENT_RECEIVE;
}

void write(lws *wsi, std::size_t size) {
    std::string buffer(LWS_PRE + size, 'x');
    lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), size, LWS_WRITE_BINARY);
}

void leave_reason(lws *wsi, int code) {
    unsigned char why[] = {'w', 'h', 'y'};
    lws_close_reason(wsi, static_cast<lws_close_status>(code), why, sizeof why);
}

// The frames that a peer read, until the stream ended.
struct wire {
    std::size_t messages = 0, data = 0; // how many, and the bytes in them
    std::string controls;               // without their masks
    std::string close;                  // the frame that came last, if that is a Close frame
    bool        cut    = false;         // within a frame
    bool        ended  = true;          // the last message, if there is one
    std::size_t masked = 0;             // frames
};

wire parse(std::string_view bytes) {
    wire result;
    while (!bytes.empty()) {
        const test::frame_view next(bytes);
        result.close.clear();
        result.cut = !next.is_whole();
        if (result.cut)
            break;
        result.masked += next.is_masked();
        if (next.is_control()) {
            result.controls += next.unmasked();
            result.close = next.opcode() == 8 ? next.unmasked() : std::string();
        } else {
            ++result.messages;
            result.data += next.payload_size();
            result.ended = next.is_final();
        }
        bytes.remove_prefix(next.size());
    }
    return result;
}

wire read_all(raw_peer &peer) {
    while (peer.read_for(test::patience_ms)) {
    }
    return parse(peer.unread());
}

constexpr auto    bye        = "\x0F\xA1"
                               "bye"sv; // 4001
const std::string bye_frame  = "\x88\x05\x0F\xA1"
                               "bye";
const std::string why_frame  = "\x88\x05\x0F\xA1"
                               "why";
const std::string rsv_frame  = "\x88\x0A\x03\xEA"
                               "rsv bits";
const std::string utf8_frame = "\x88\x29\x03\xEF"
                               "Close frame with text that is not UTF-8";
const std::string half_frame = "\x88\x1E\x03\xEA"
                               "Close frame with half a code";
constexpr auto    bad_utf8   = "\x0F\xA2\xFF"sv;
constexpr auto    reserved   = "\xF1\x80\x01\x02\x03\x04"sv; // a frame with reserved bits

const std::string refused =
    "closed by the peer, not cleanly: received an invalid frame (invalid_utf8), sent 1007 invalid_payload "
    "\"Close frame with text that is not UTF-8\"";

const std::string half_refused =
    "closed by the peer, not cleanly: received an invalid frame (truncated_code), sent 1002 protocol_error "
    "\"Close frame with half a code\"";

const bool over_tls = test::default_transport() == test::transport::tls;

// Fills the socket with messages of 1000 bytes once a message came, and none of it stays with lws.
int fill_on_receive(session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
    if (received(reason))
        lws_callback_on_writable(wsi);
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        while (!lws_send_pipe_choked(wsi))
            write(wsi, 1000);
        the_connection = connection_ref(s.ws);
        events.add("full");
        lws_callback_on_writable(wsi);
    }
    return 0;
}

void wait_until_full() {
    CHECK(events.next() == "full");
    while (events.next(1000) == "full") { // until the kernel takes no more
    }
}

} // namespace

TEST_CASE("a client answers a Close frame that comes behind the 101 once, behind all that it wrote",
          "[hostile][choked]") {
    const bool stopped = GENERATE(false, true), valid = GENERATE(true, false), ours = GENERATE(false, true);
    CAPTURE(stopped, valid, ours);
    server            server([stopped, ours](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason != LWS_CALLBACK_CLIENT_ESTABLISHED)
            return 0;
        the_connection = connection_ref(s.ws);
        if (stopped)
            lws_rx_flow_control(wsi, 0);
        write(wsi, much);
        if (ours)
            s.ws.close(close_code{4001}, "bye");
        events.add("established");
        return 0;
    });
    const std::string text(123, 't');
    const std::string body = valid ? "\x0F\xA2" + text : std::string(bad_utf8);
    raw_peer          peer = server.accept(true);
    peer.keep_little();
    peer.send_close(body);
    peer.let_go();
    CHECK(events.next() == "established");
    if (stopped)
        server.with_wsi([](lws *wsi) { lws_rx_flow_control(wsi, 1); });
    const wire seen = read_all(peer);
    CHECK(seen.messages == 1);
    CHECK(seen.data == much);
    CHECK_FALSE(seen.cut);
    CHECK(seen.controls == (!valid ? utf8_frame : ours ? bye_frame : "\x88\x7D\x0F\xA2" + text));
    CHECK(seen.close == seen.controls);
    CHECK(events.next() == (!valid ? refused
                                   : "closed cleanly by the peer: received 4002 \"" + text + "\", sent " +
                                         (ours ? "4001 \"bye\"" : "4002 \"" + text + '"')));
}

TEST_CASE("a close that was asked for wins over a protocol error in the same read", "[hostile]") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (received(reason))
            s.ws.close(close_code{4001}, "bye");
        return 0;
    });
    raw_peer peer = server.connect();
    server.at_once([&] { peer.send(peer.text_frame("x").append(reserved)); });
    CHECK(read_all(peer).controls == bye_frame);
    CHECK(events.next() == "closed by us, not cleanly: sent 4001 \"bye\", received nothing");
}

TEST_CASE("the peer's Close frame overtakes a close of ours that a full socket holds up, and that is the answer",
          "[hostile][choked]") {
    server   server(fill_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    wait_until_full();
    server.host().on_service_thread([](lws_context *) { CHECK(the_connection.close(close_code{4001}, "bye")); });
    server.at_once([&] {
        peer.send_close("\x0F\xA2"
                        "end");
    });
    const auto begin = std::chrono::steady_clock::now();
    const wire seen  = read_all(peer);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(4));
    CHECK(seen.controls == bye_frame);
    CHECK(seen.close == bye_frame);
    CHECK(seen.data == seen.messages * 1000);
    CHECK(events.next() == "closed cleanly by the peer: received 4002 \"end\", sent 4001 \"bye\"");
    CHECK(last.sent == bye_frame);
}

TEST_CASE("a bad Close frame is refused behind all that a full socket holds", "[hostile][choked]") {
    const bool half = GENERATE(false, true), ours = GENERATE(false, true);
    CAPTURE(half, ours);
    server   server(fill_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    wait_until_full();
    if (ours)
        server.host().on_service_thread([](lws_context *) { CHECK(the_connection.close(close_code{4001}, "bye")); });
    server.at_once([&] { peer.send_close(half ? "\x0F"sv : bad_utf8); });
    const auto begin = std::chrono::steady_clock::now();
    const wire seen  = read_all(peer);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(4));
    CHECK(seen.close == seen.controls);
    CHECK(seen.close == (half ? half_frame : utf8_frame));
    CHECK(seen.data == seen.messages * 1000);
    CHECK(events.next() == (half ? half_refused : refused));
    CHECK(last.sent == seen.close);
}

TEST_CASE("no Close frame is called sent that did not get out behind data that lws holds", "[hostile][kernel]") {
    const auto what = GENERATE("protocol error", "close");
    CAPTURE(what);
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            write(wsi, much);
            events.add("written");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "written");
    server.at_once([&] { peer.send(what == "close"sv ? peer.close_frame(bye) : std::string(reserved)); });
    const wire        seen   = read_all(peer);
    const std::string report = events.next(25000);
    CAPTURE(report, seen.data, seen.cut);
    CHECK(seen.controls == seen.close);
    CHECK(last.sent == seen.close);
    CHECK((last.clean ? report.find("closed cleanly by ") == 0 : test::is_unclean(report)));
    if (seen.close.empty())
        CHECK_FALSE(last.clean);
}

TEST_CASE("a Close frame that goes out although the peer has ended TCP is reported as sent", "[hostile]") {
    const bool error = GENERATE(false, true);
    CAPTURE(error);
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (!received(reason))
            return 0;
        leave_reason(wsi, 4001);
        return -1;
    });
    raw_peer peer = server.connect();
    server.at_once([&] {
        error ? peer.send(reserved) : peer.send_text("x");
        peer.send_fin();
    });
    const wire        seen   = read_all(peer);
    const std::string report = events.next();
    CAPTURE(report);
    CHECK(seen.controls == (error ? rsv_frame : why_frame));
    CHECK(last.sent == seen.controls);
    CHECK_FALSE(last.clean);
    CHECK(report == (error
                         ? "closed by the library, not cleanly: sent 1002 protocol_error \"rsv bits\", received nothing"
                         : "closed by us, not cleanly: sent 4001 \"why\", received nothing (fin)"));
}

TEST_CASE("no Close frame is called sent if the program kills the connection while lws holds data",
          "[hostile][kernel]") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            the_connection = connection_ref(s.ws);
            write(wsi, much);
            s.ws.close(close_code{4001}, "bye");
            events.add("closing");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "closing");
    server.with_wsi([](lws *wsi) {
        CHECK(lws_partial_buffered(wsi));
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
    });
    const wire seen = read_all(peer);
    CHECK(seen.controls.empty());
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure");
    CHECK(last.sent.empty());
}

TEST_CASE("a ping that comes directly behind does not spoil a reason left with lws", "[hostile]") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (!received(reason))
            return 0;
        leave_reason(wsi, 4001);
        return -1;
    });
    raw_peer peer = server.connect();
    server.at_once([&] { peer.send(peer.text_frame("x") + peer.frame(0x89, "\x03\xE7 not a code")); });
    const wire        seen = parse(peer.answer_close_and_read_to_end().bytes);
    const std::string pong = "\x8A\x0D\x03\xE7 not a code";
    CAPTURE(seen.controls);
    CHECK((seen.controls == why_frame || seen.controls == why_frame + pong || seen.controls == pong + why_frame));
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"why\", received 4001 \"why\"");
    CHECK(last.sent == why_frame);
}

TEST_CASE("a reason left with lws is made valid, also if the connection ends for another", "[hostile]") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            the_connection = connection_ref(s.ws);
            leave_reason(wsi, 1005);
            events.add("reason");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "reason");
    server.with_wsi([](lws *wsi) { lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC); });
    const wire        seen   = read_all(peer);
    const std::string report = events.next();
    CAPTURE(report);
    CHECK(last.sent == seen.controls);
    CHECK_FALSE(last.clean);
    if (!over_tls || !seen.controls.empty()) // over TLS the peer may just have ended that, and then none goes out
        CHECK(seen.controls == "\x88\x05\x03\xF3"
                               "why");
}

TEST_CASE("a reason left with lws and answered at once is a clean close, although the peer keeps TCP", "[hostile]") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (!received(reason))
            return 0;
        leave_reason(wsi, 4001);
        return -1;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == why_frame);
    peer.send_close(why_frame.substr(2));
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"why\", received 4001 \"why\"");
    CHECK(last.sent == why_frame);
    CHECK(peer.read_to_end().bytes.empty());
}

TEST_CASE("a client calls no close clean whose code lws may have changed", "[hostile]") {
    server   server;
    raw_peer peer = server.accept();
    peer.send_close("\x03\xE7"); // 999
    CHECK(read_all(peer).controls == "\x88\x02\x03\xEA");
    CHECK(events.next() == "closed by the peer: received 1002 protocol_error (or another code), sent 1002");
    CHECK(last.code_uncertain);
    CHECK_FALSE(last.clean);
}

TEST_CASE("a silent peer gets no longer than its time, whatever the program does to lws' clocks", "[hostile]") {
    const bool timeout = GENERATE(true, false);
    CAPTURE(timeout);
    server   server([timeout](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            the_connection = connection_ref(s.ws);
            s.ws.set_close_timeout(LWS_US_PER_SEC);
            s.ws.close(close_code{4001}, "bye");
            if (!timeout)
                lws_set_timer_usecs(wsi, lws_usec_t{60} * 1000 * 1000);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    if (timeout)
        server.with_wsi([](lws *wsi) { lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, 60); });
    CHECK(events.next() == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
}

TEST_CASE("an answer counts that came in time, even if the service thread is late", "[hostile]") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            s.ws.set_close_timeout(LWS_US_PER_SEC);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    server.host().on_service_thread([&](lws_context *) {
        peer.send_close(bye);
        std::this_thread::sleep_for(std::chrono::milliseconds(1500)); // a slow callback of another connection
    });
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a peer that has closed may fall silent, and is not said to have ignored a ping", "[hostile][choked]") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
            s.ws.set_close_timeout(30 * LWS_US_PER_SEC); // lws gives up before, after 5 s
            write(wsi, much);
            events.add("written");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_close(bye);
    CHECK(events.next() == "written");
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
    peer.read_raw(300 * 1000); // so that something is sent to it, long after it sent its frame
    server.host().on_service_thread([&](lws_context *) { // which serves nobody meanwhile
        while (peer.read_for(300)) {
        }
        std::this_thread::sleep_for(std::chrono::seconds(5));
    });
    read_all(peer);
    const std::string report = events.next();
    CAPTURE(report);
    CHECK(report.find("closed by the peer, not cleanly: received 4001 \"bye\", sent nothing") == 0);
    CHECK(report.find("no_pong") == std::string::npos);
}

TEST_CASE("a client that drops its connection as soon as that is established did connect", "[hostile]") {
    server   server([](session &, lws *, lws_callback_reasons reason, std::string_view) {
        return reason == LWS_CALLBACK_CLIENT_ESTABLISHED ? -1 : 0;
    });
    raw_peer peer = server.accept();
    CHECK(read_all(peer).controls.empty());
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure (dropped)");
}

TEST_CASE("a client's answer is a frame of its own behind two messages that lws holds", "[hostile]") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            write(wsi, much);
            write(wsi, much);
            events.add("written");
        }
        return 0;
    });
    raw_peer peer = server.accept();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "written");
    server.at_once([&] { peer.send_close(bye); });
    const wire seen = read_all(peer);
    CHECK(seen.messages == 2);
    CHECK(seen.data == 2 * much);
    CHECK_FALSE(seen.cut);
    CHECK(seen.controls == bye_frame);
    CHECK(seen.close == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a server that writes much as it is closed sends its answer behind that, unmasked", "[hostile][choked]") {
    const bool twice = GENERATE(false, true);
    server     server([twice](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
            write(wsi, much);
            if (twice)
                write(wsi, much);
        }
        return 0;
    });
    raw_peer   peer = server.connect();
    peer.keep_little();
    peer.send_close(bye);
    const wire seen = read_all(peer);
    CHECK(seen.data == (twice ? 2 * much : much));
    CHECK_FALSE(seen.cut);
    CHECK(seen.masked == 0);
    CHECK(seen.close == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("an answer goes out behind a message of 3 MiB, unless lws 5 does not hold it, and then none is called sent",
          "[hostile][choked]") {
    constexpr std::size_t size = 3u << 20;
    server                server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
            write(wsi, size);
        return 0;
    });
    raw_peer              peer = server.connect();
    peer.keep_little();
    peer.send_close(bye);
    const wire seen     = read_all(peer);
    const bool goes_out = LWS_LIBRARY_VERSION_MAJOR < 5; // lws 5 puts nothing behind more than 2 MiB
    const auto report   = events.next();
    CHECK(seen.data == size);
    CHECK(seen.close == (goes_out ? bye_frame : ""));
    CHECK(last.sent == seen.close);
    CHECK(report == (goes_out ? "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\""
                              : "closed by the peer, not cleanly: received 4001 \"bye\", sent nothing"));
}

TEST_CASE("a Close frame is a frame of its own behind a message that permessage-deflate holds back",
          "[hostile][choked]") {
    enum class way { close, reason, answer };
    const auto noise =
        GENERATE(table<std::size_t, bool>({{30000, true}, {test::most_noise, false}, {test::most_noise, true}}));
    const std::size_t size   = std::get<0>(noise);
    const bool        full   = std::get<1>(noise); // the socket takes only a part of the message
    const way         how    = GENERATE(way::answer, way::close, way::reason);
    const bool        client = GENERATE(false, true);
    const bool        ends   = GENERATE(true, false); // the message; otherwise it lacks its last part
    CAPTURE(size, full, static_cast<int>(how), client, ends);
    test::host_options options;
    options.extensions = test::deflate;
    server server(
        [how, size, full, ends](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (full && (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED))
                test::set_option(static_cast<int>(lws_get_socket_fd(wsi)), SOL_SOCKET, SO_SNDBUF, 4096);
            const int flags = ends ? LWS_WRITE_BINARY : LWS_WRITE_BINARY | LWS_WRITE_NO_FIN;
            if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE || received(reason))
                lws_write(wsi, test::noise(), size, static_cast<lws_write_protocol>(flags));
            if (!received(reason))
                return 0;
            if (how == way::close)
                s.ws.close(close_code{4001}, "bye");
            else
                leave_reason(wsi, 4001);
            return how == way::reason ? -1 : 0;
        },
        options);
    constexpr auto extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n"sv;
    raw_peer       peer      = client ? server.accept(false, extension) : server.connect(extension);
    if (full)
        peer.keep_little();
    if (how == way::answer)
        peer.send_close(bye);
    else
        peer.send(peer.frame(0xC1, "\xF2\x48\xCD\xC9\xC9\x07\0"sv)); // "hello", compressed
    wire seen;
    bool answered = how == way::answer;
    while (peer.read_for(test::patience_ms)) { // slowly: lws does what it can between two reads
        server.at_once([] {});
        seen = parse(peer.unread());
        if (!seen.close.empty() && !answered) {
            answered = true;
            peer.send_close(seen.close.substr(2));
        }
    }
    CHECK(seen.data >= (ends ? size : size - (16 << 10))); // zlib keeps the rest for the next part
    CHECK_FALSE(seen.cut);
    CHECK(seen.ended == ends);
    CHECK(seen.close == (how == way::reason ? why_frame : bye_frame));
    CHECK(seen.controls == seen.close);
    CHECK(events.next() == (how == way::answer ? "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\""
                            : how == way::reason ? "closed cleanly by us: sent 4001 \"why\", received 4001 \"why\""
                                                 : "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\""));
}
