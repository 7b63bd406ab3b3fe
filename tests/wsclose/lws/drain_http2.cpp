// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/drain.hpp>

#include <memory>
#include <string>
#include <vector>

#include <wsclose/lws/tracked.hpp>

#include "support/catch.hpp"
#include "support/http2.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log events;
connection_list everyone;

struct session {
    connection             ws;
    connection_list::entry listed;

    static constexpr lws_usec_t close_timeout = 65 * LWS_US_PER_SEC; // longer than a test waits

    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

int callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED && everyone.add(s->ws, s->listed))
        events.add("here");
    return 0;
}

const lws_protocols protocols[] = {
    {"drained", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

TEST_CASE("a drain closes streams of HTTP/2, and at its deadline drops those whose peers do not answer") {
    drain              going_down;
    test::host_options options;
    options.how = test::transport::tls;
    test::lws_host        host(protocols, options);
    std::vector<raw_peer> peers;
    for (int i = 0; i < 2; ++i) {
        peers.push_back(raw_peer::connect_by(
            host.port(), [](int fd) { return std::make_unique<test::http2_stream>(fd, "drained", "here"); }));
        CHECK(events.next() == "here");
    }
    host.on_service_thread([&](lws_context *) {
        CHECK(going_down.start(everyone, 0, LWS_US_PER_SEC, close_code::going_away, "bye") == 2);
    });
    const std::string going_away = "\x88\x05\x03\xE9"
                                   "bye";
    CHECK(peers[0].answer_close_and_read_to_end().bytes == going_away);
    CHECK(events.next() == "closed cleanly by us: sent 1001 going_away \"bye\", received 1001 \"bye\"");
    CHECK(peers[1].read_frame() == going_away);
    CHECK(events.next() == "closed by us, not cleanly: sent 1001 going_away \"bye\", received nothing (no_answer)");
    host.on_service_thread([&](lws_context *) { CHECK_FALSE(going_down.running()); });
}
