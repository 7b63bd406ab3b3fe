// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/refuse.hpp>

#include <string>

#include <wsclose/lws/tracked.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log      events;
lws_callback_reasons refused_in;
bool                 refuses;

struct session {
    connection ws;

    ~session() { events.add("session ended"); }
    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

int callback(lws *wsi, lws_callback_reasons reason, void *, void *, std::size_t) {
    if (reason == LWS_CALLBACK_ESTABLISHED)
        events.add("here");
    return refuses && reason == refused_in ? refuse(wsi, 30) : 0;
}

const lws_protocols protocols[] = {
    {"tracked", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"bare", callback, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

raw_peer ask(const test::lws_host &host, const std::string &subprotocol) {
    raw_peer peer = raw_peer::connect_only(host.port());
    peer.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Protocol: " +
              subprotocol + "\r\n\r\n");
    return peer;
}

} // namespace

TEST_CASE("a newcomer that is refused gets HTTP 503 with Retry-After, and then the end of the stream") {
    refuses    = true;
    refused_in = GENERATE(LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION, LWS_CALLBACK_HTTP_CONFIRM_UPGRADE);
    const std::string subprotocol = GENERATE("tracked", "bare");
    test::lws_host    host(protocols);
    raw_peer          peer = ask(host, subprotocol);
    const std::string head = peer.read_head();
    CHECK(head.substr(0, head.find("\r\n")) == "HTTP/1.1 503 Service Unavailable");
    CHECK(head.find("\r\nRetry-After: 30\r\n") != std::string::npos);
    CHECK(head.find("101") == std::string::npos);
    const test::rest_of_stream rest = peer.read_to_end();
    CHECK(rest.bytes.empty());
    CHECK(rest.end == test::stream_end::fin);
    host.stop();
    while (!events.empty()) // and no report
        CHECK(events.next() == "session ended");
}

TEST_CASE("a server that refused somebody takes the next one") {
    refuses    = true;
    refused_in = LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION;
    test::lws_host host(protocols);
    CHECK(ask(host, "tracked").read_head().substr(0, 12) == "HTTP/1.1 503");
    CHECK(events.next() == "session ended");
    host.on_service_thread([](lws_context *) { refuses = false; });
    raw_peer peer = raw_peer::connect(host.port(), "tracked");
    CHECK(events.next() == "here");
    peer.send_close("\x03\xE8");
    CHECK(peer.read_to_end().bytes == "\x88\x02\x03\xE8");
    CHECK(events.next() == "closed cleanly by the peer: received 1000 normal_closure, sent 1000");
    CHECK(events.next() == "session ended");
}
