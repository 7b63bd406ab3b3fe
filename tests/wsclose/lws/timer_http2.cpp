// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The timer that lws has for each connection, on a stream of HTTP/2.

#include <memory>

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

struct session {
    connection ws;

    static constexpr lws_usec_t close_timeout = 1500 * LWS_US_PER_MS;

    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

// The timer is the program's until the connection is closing. After that, the program does not get it.
int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: lws_set_timer_usecs(wsi, 20 * LWS_US_PER_MS); break;
    case LWS_CALLBACK_TIMER:
        events.add("timer");
        static_cast<session *>(user)->ws.close(close_code{4001}, "bye");
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE: lws_set_timer_usecs(wsi, 60 * LWS_US_PER_SEC); break;
    default: break;
    }
    return 0;
}

const lws_protocols protocols[] = {
    {"timed", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

TEST_CASE("over HTTP/2, the program's timer and the time to close do not disturb each other") {
    test::host_options options;
    options.how = test::transport::tls;
    test::lws_host host(protocols, options);
    raw_peer       silent = raw_peer::connect_by(
              host.port(), [](int fd) { return std::make_unique<test::http2_stream>(fd, "timed", "here"); });
    CHECK(events.next() == "timer");
    CHECK(silent.read_frame() == "\x88\x05\x0F\xA1"
                                 "bye");
    CHECK(events.next() == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
    CHECK(silent.read_to_end().end == test::stream_end::fin); // END_STREAM, and no error
    CHECK(events.empty());
}
