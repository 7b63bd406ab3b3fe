// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/refuse.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <wsclose/lws/tracked.hpp>

#include "support/catch.hpp"
#include "support/http2.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log events;
bool            refuses = false;

struct session {
    connection ws;

    ~session() { events.add("session ended"); }
    void on_close(const close_report &) { events.add("reported"); }
};

int callback(lws *wsi, lws_callback_reasons reason, void *, void *, std::size_t) {
    return refuses && reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION ? refuse(wsi, 30) : 0;
}

const lws_protocols protocols[] = {
    {"tracked", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// What a client is told that asks for a WebSocket.
std::string ask(const test::lws_host &host) {
    try {
        raw_peer::connect_by(host.port(),
                             [](int fd) { return std::make_unique<test::http2_stream>(fd, "tracked", "here"); });
    } catch (const std::runtime_error &error) {
        return error.what();
    }
    return "welcome";
}

} // namespace

TEST_CASE("a newcomer over HTTP/2 that is refused gets status 503 with retry-after") {
    test::host_options options;
    options.how = test::transport::tls;
    test::lws_host host(protocols, options);
    CHECK(ask(host) == "welcome");
    CHECK(events.next() == "reported");
    CHECK(events.next() == "session ended");
    host.on_service_thread([](lws_context *) { refuses = true; });
    CHECK(ask(host) == "the server refused the WebSocket: 503, retry-after: 30");
    CHECK(events.next() == "session ended");
    CHECK(events.empty());
}
