// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/close.hpp>

#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log events;

constexpr std::size_t much = 1000 * 1000; // more than the socket takes

// A program that tracks nothing: it has no session at all.
int callback(lws *wsi, lws_callback_reasons reason, void *, void *in, std::size_t len) {
    if (reason == LWS_CALLBACK_RECEIVE) {
        const std::string_view message(static_cast<const char *>(in), len);
        if (message == "empty")
            return close(wsi, close_frame());
        if (message == "leave") { // for later
            unsigned char old[] = {'o', 'l', 'd'};
            lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, old, sizeof old);
            return 0;
        }
        if (message == "forbidden")
            return close(wsi, close_code::abnormal_closure, "a\xFF");
        return close(wsi, close_code{4001}, "bye");
    }
    if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
        close_frame answer;
        const int   result = answer_peer_close(wsi, in, len, answer);
        events.add(std::to_string(static_cast<unsigned>(answer.code())).append(" ").append(answer.reason()));
        return result;
    }
    if (reason == LWS_CALLBACK_CLIENT_RECEIVE) {
        std::string buffer(LWS_PRE + much, 'x');
        lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), much, LWS_WRITE_BINARY);
        events.add("written");
    }
    if (reason == LWS_CALLBACK_CLOSED)
        events.add("closed");
    return 0;
}

const lws_protocols protocols[] = {
    {"bare", callback, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// Over TLS, lws 4.0 now and then waits for its timeout, 20 s, before the last callback.
std::string last_event() { return events.next(25000); }

} // namespace

TEST_CASE("a bare close sends what was asked for, made fit for the wire") {
    test::lws_host host(protocols);
    const auto     close_by = [&host](std::string_view message) {
        raw_peer peer = raw_peer::connect(host.port(), "bare");
        peer.send_text(message);
        const std::string bytes = peer.answer_close_and_read_to_end().bytes;
        CHECK(last_event() == "closed");
        return bytes;
    };
    CHECK(close_by("x") == "\x88\x05\x0F\xA1"
                           "bye");
    CHECK(close_by("empty") == "\x88\x02\x03\xE8");
    CHECK(close_by("forbidden") == "\x88\x06\x03\xF3"
                                   "a\xEF\xBF\xBD");
}

TEST_CASE("a bare answer to the peer's close is the right one, at once") {
    test::lws_host host(protocols);
    const auto     answer_to = [&host](std::string_view body) {
        raw_peer peer = raw_peer::connect(host.port(), "bare");
        peer.send_close(body);
        const auto seen = peer.read_to_end();
        CHECK(seen.seconds < 1);
        return seen.bytes;
    };
    CHECK(answer_to("\x0F\xA1"
                    "bye") == "\x88\x05\x0F\xA1"
                              "bye");
    CHECK(events.next() == "4001 bye");
    CHECK(last_event() == "closed");
    CHECK(answer_to("") == std::string("\x88\x00", 2));
    CHECK(events.next() == "1005 ");
    CHECK(last_event() == "closed");
    CHECK(answer_to("\x03") == "\x88\x1E\x03\xEA"
                               "Close frame with half a code");
    CHECK(events.next() == "1002 Close frame with half a code");
    CHECK(last_event() == "closed");
    CHECK(answer_to("\x03\xE8\xED\xA0\x80") == "\x88\x29\x03\xEF"
                                               "Close frame with text that is not UTF-8");
    CHECK(events.next() == "1007 Close frame with text that is not UTF-8");
    CHECK(last_event() == "closed");
    CHECK(answer_to("\x13\x88") == "\x88\x23\x03\xEA"
                                   "Close frame with a forbidden code");
    CHECK(events.next() == "1002 Close frame with a forbidden code");
    CHECK(last_event() == "closed");
}

TEST_CASE("a reason left with lws does not follow a bare answer") {
    test::lws_host host(protocols);
    raw_peer       peer = raw_peer::connect(host.port(), "bare");
    peer.send_text("leave");
    peer.send_close("\x0F\xA1"
                    "bye");
    CHECK(peer.read_to_end().bytes == "\x88\x05\x0F\xA1"
                                      "bye");
    CHECK(events.next() == "4001 bye");
    CHECK(last_event() == "closed");
}

TEST_CASE("a bare client answers the peer's close behind what lws holds, masked") {
    test::lws_host host(protocols);
    test::listener listener;
    host.connect(listener.port(), "bare");
    raw_peer peer = raw_peer::accept(listener, "bare");
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "written");
    peer.send_close("\x0F\xA1"
                    "bye");
    CHECK(events.next() == "4001 bye");
    while (peer.read_for(test::patience_ms)) {
    }
    const std::string_view bytes = peer.unread();
    REQUIRE(bytes.size() == 2 + 8 + 4 + much + 2 + 4 + 5);
    const test::frame_view last(bytes.substr(bytes.size() - 11));
    CHECK(last.is_masked());
    CHECK(bytes.substr(bytes.size() - 9, 4) != std::string(4, '\0')); // by nothing that a peer could know
    CHECK(last.unmasked() == "\x88\x05\x0F\xA1"
                             "bye");
}
