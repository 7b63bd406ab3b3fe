// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The connection ends below WebSocket: its transport, its context or its vhost goes.

#include "wsclose/lws/tracked/server.hpp"

#include <atomic>
#include <memory>

using namespace tracked_test;

namespace {

// The line for a connection whose context is destroyed. Before 4.2 lws does not say that it is.
std::string context_destroyed() {
    if (LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 2)
        return "closed by us, not cleanly: 1006 abnormal_closure (context_destroyed)";
    return over_tls ? "closed by the transport, not cleanly: 1006 abnormal_closure"
                    : "closed by the library, not cleanly: 1006 abnormal_closure";
}

} // namespace

TEST_CASE("FIN and reset are reported as the transport's") {
    server   server;
    raw_peer a = server.connect();
    a.send_fin();
    CHECK(a.read_to_end().bytes.empty());
    const std::string line     = events.next();
    const bool        tls_only = over_tls && line.back() != ')'; // whose end lws may see before that of TCP
    CHECK(line ==
          std::string("closed by the transport, not cleanly: 1006 abnormal_closure") + (tls_only ? "" : " (fin)"));
    raw_peer b = server.connect();
    b.reset();
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
}

TEST_CASE("a reset is reported as such, although the network was bad before", "[kernel]") {
    static std::atomic<int> fd;
    server                  server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_TIMER)
            write(wsi, 1);
        if (received(reason)) {
            fd = static_cast<int>(lws_get_socket_fd(wsi));
            lws_set_timer_usecs(wsi, 20 * LWS_US_PER_MS);
            events.add("here");
        }
        return 0;
    });
    raw_peer                peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "here");
    peer.cut_off();
    while (!test::sends_again(fd))
        server.host().pass(10 * LWS_US_PER_MS);
    peer.reset();
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
}

TEST_CASE("a peer that ends TCP, and then resets what still comes, is reported as FIN") {
    server server;
    { raw_peer peer = server.connect(); } // as if its process was killed: over TLS, OpenSSL answers with an alert
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (fin)");
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

TEST_CASE("TLS is ended before TCP, whoever closes") {
    server   server(close_on_receive);
    raw_peer peer = server.connect();
    SECTION("the program") {
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    }
    SECTION("the peer") {
        peer.send_close(bye);
        CHECK(peer.read_to_end().bytes == bye_frame);
    }
    CHECK(peer.has_tls_ended());
    CHECK(events.next().find("closed cleanly by ") == 0);
}

TEST_CASE("a reset behind data that the program does not read is reported as the transport's") {
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
    if (test::event_loop::name() == "uv") // in which lws does not look at a socket that is not to be read
        server.host().stop();
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
}

TEST_CASE("a context that is destroyed reports every connection that it still had") {
    {
        const int                       before = constructed - destroyed;
        std::unique_ptr<test::lws_host> host   = std::make_unique<test::lws_host>(one_protocol);
        raw_peer                        a      = raw_peer::connect(host->port(), "tracked");
        raw_peer                        b      = raw_peer::connect(host->port(), "tracked");
        host.reset();
        CHECK(constructed - destroyed == before);
    }
    CHECK(events.next() == context_destroyed());
    CHECK(events.next() == context_destroyed());
    CHECK(events.empty());
}

TEST_CASE("a vhost that is destroyed reports every connection that it still had") {
    server   server;
    raw_peer a = server.connect(), b = server.connect();
    server.host().on_service_thread([&](lws_context *) { lws_vhost_destroy(server.host().vhost()); });
    const bool ends_them = LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 2;
    if (!ends_them) // they go on, although nobody listens any more, until the context is destroyed
        server.host().stop();
    const std::string report = over_tls ? "closed by the transport, not cleanly: 1006 abnormal_closure"
                                        : "closed by the library, not cleanly: 1006 abnormal_closure";
    CHECK(events.next() == report);
    CHECK(events.next() == report);
}
