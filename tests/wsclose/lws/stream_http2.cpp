// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket on a stream of HTTP/2 shares its connection with other streams.

#include <wsclose/lws/tracked.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/http2.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using test::raw_peer;

namespace {

test::event_log events;

struct session {
    connection ws;

    static constexpr lws_usec_t close_timeout = LWS_US_PER_SEC;

    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

// What a message asks for.
int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    if (reason != LWS_CALLBACK_RECEIVE)
        return 0;
    const std::string_view message(static_cast<const char *>(in), len);
    if (message == "close") {
        static_cast<session *>(user)->ws.close(close_code{4001}, "bye");
        return 0;
    }
    unsigned char bye[] = {'b', 'y', 'e'};
    lws_close_reason(wsi, static_cast<lws_close_status>(4001), bye, sizeof bye);
    return message == "return" ? -1 : 0;
}

const lws_protocols protocols[] = {
    {"shared", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

constexpr auto bye = "\x0F\xA1"
                     "bye"sv;

} // namespace

TEST_CASE("a stream that ends leaves its connection to the others, whoever closes") {
    test::host_options options;
    options.how = test::transport::tls;
    test::lws_host      host(protocols, options);
    test::http2_stream *stream = nullptr;
    raw_peer            peer   = raw_peer::connect_by(host.port(), [&](int fd) {
        auto made = std::make_unique<test::http2_stream>(fd, "shared", "here");
        stream    = made.get();
        return made;
    });
    CHECK(stream->answers_ping());
    SECTION("the program closes") {
        peer.send_text("close");
        peer.answer_close_and_read_to_end();
    }
    SECTION("the program returns -1 with a reason") {
        peer.send_text("return");
        peer.answer_close_and_read_to_end();
    }
    SECTION("the program leaves a reason and the peer closes") {
        peer.send_text("leave");
        peer.send_close(bye);
        peer.read_to_end();
    }
    SECTION("the program closes and the peer does not answer") {
        peer.send_text("close");
        CHECK(peer.read_frame().substr(2) == bye);
    }
    CHECK(events.next() != "nothing happened");
    CHECK(stream->answers_ping());
    host.stop();
    CHECK(events.empty());
}
