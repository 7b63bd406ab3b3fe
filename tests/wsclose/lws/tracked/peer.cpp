// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The peer closes the connection.

#include "wsclose/lws/tracked/server.hpp"

#include <chrono>
#include <thread>

using namespace tracked_test;

namespace {

connection_ref full; // a connection whose socket is full

// Once a message comes, writes messages of 1000 bytes for as long as the socket takes them.
int fill_on_receive(session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
    if (received(reason))
        lws_callback_on_writable(wsi);
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        while (!lws_send_pipe_choked(wsi))
            write(wsi, 1000);
        full = connection_ref(s.ws);
        events.add("full");
        lws_callback_on_writable(wsi);
    }
    return 0;
}

raw_peer connect_and_fill(server &server) {
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "full");
    while (events.next(300) == "full") { // until the kernel takes no more
    }
    return peer;
}

bool ends_with_bye_frame(const std::string &all) {
    return all.size() >= bye_frame.size() && all.substr(all.size() - bye_frame.size()) == bye_frame;
}

} // namespace

TEST_CASE("the program sees a valid Close frame of the peer's, and its report in the last callback") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
            CHECK(message == bye);
            CHECK(s.ws.report().received()->reason() == "bye");
            CHECK(s.ws.close(close_code::normal_closure).error == close_error::already_closing);
            events.add("peer closes");
            return -1; // ignored
        }
        if (reason == LWS_CALLBACK_CLOSED)
            events.add("last: " + line_of(s.ws.report()));
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "peer closes");
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    CHECK(events.next() == "last: closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("an invalid Close frame of the peer's is answered at once and kept from the program") {
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

TEST_CASE("a report says whether the peer's code may have been another") {
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

TEST_CASE("a peer that does not read gets no longer than its time, and no Close frame after that") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view data) {
        limit_on_receive(s, wsi, reason, data);
        return fill_on_receive(s, wsi, reason, data);
    });
    raw_peer peer = connect_and_fill(server);
    server.host().on_service_thread([](lws_context *) { CHECK(full.close(close_code{4001}, "bye")); });
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure (not_reading)");
    CHECK_FALSE(ends_with_bye_frame(peer.read_to_end().bytes));
    CHECK_FALSE(full);
}

TEST_CASE("a timer that the program sets as it closes does not keep a peer that does not read") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            write(wsi, 4000 * 1000); // more than the sockets take
            s.ws.set_close_timeout(LWS_US_PER_SEC);
            s.ws.close(close_code{4001}, "bye");
            lws_set_timer_usecs(wsi, 60 * LWS_US_PER_SEC);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure (not_reading)");
}

TEST_CASE("a peer that closes but does not read can still read the answer, and the report says so", "[choked]") {
    server   server(fill_on_receive);
    raw_peer peer = connect_and_fill(server);
    peer.send_close(bye);
    CHECK(events.next(9000) == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    CHECK(ends_with_bye_frame(peer.read_to_end().bytes));
    CHECK_FALSE(full);
}

TEST_CASE("a peer that has closed and does not end TCP is waited for no longer than its time") {
    server   server(limit_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    peer.send_close(bye);
    CHECK(peer.read_frame() == bye_frame);
    // Over TLS, lws alone waits for 5 s.
    CHECK(events.next(3500) == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("an answer that cannot go out is not called sent") {
    const std::string body = GENERATE(std::string(bye), std::string("\x0F")); // a valid and an invalid one
    server            server;
    raw_peer          peer = server.connect();
    server.host().on_service_thread([&](lws_context *) { // so that lws sees both at once
        peer.send_close(body);
        peer.reset();
    });
    const std::string report = events.next();
    CAPTURE(report);
    // Over TLS lws may see the reset before it reads the frame.
    CHECK(test::is_unclean(report));
    CHECK(report.find("sent 1") == std::string::npos);
}

TEST_CASE("a report says for how long the connection was open") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLOSED) // in milliseconds; no test takes a minute
            events.add(s.ws.report().lasted() >= 1000 && s.ws.report().lasted() < 60'000 ? "a second" : "another time");
        return 0;
    });
    raw_peer peer = server.connect();
    std::this_thread::sleep_for(std::chrono::milliseconds(1100)); // that long
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    CHECK(events.next() == "a second");
}
