// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// lws itself fails the connection.

#include "wsclose/lws/tracked/server.hpp"

using namespace tracked_test;

namespace {

// Whether the line of a report says that lws failed the connection with this frame, answered or not.
bool is_failed_with(const std::string &line, const std::string &frame) {
    return line.find("closed by the library, not cleanly: sent " + frame + ", received ") == 0 ||
           line.find("closed cleanly by the library: sent " + frame + ", received ") == 0;
}

const std::string rsv_frame = "\x88\x0A\x03\xEA"
                              "rsv bits";

} // namespace

TEST_CASE("lws failing the connection is reported as the library's doing") {
    server   server;
    raw_peer peer = server.connect();
    peer.send(reserved_bits);
    CHECK(peer.answer_close_and_read_to_end().bytes == rsv_frame);
    // Whether lws understands the answer after that depends on its version.
    CHECK(is_failed_with(events.next(), "1002 protocol_error \"rsv bits\""));
}

TEST_CASE("a peer whose connection lws fails, and that does not end TCP, is waited for no longer than its time") {
    server   server(limit_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    peer.send(reserved_bits);
    CHECK(peer.read_frame() == rsv_frame);
    // Over TLS, lws alone waits for 5 s.
    CHECK(is_failed_with(events.next(3500), "1002 protocol_error \"rsv bits\""));
}

TEST_CASE("lws ending the connection without a Close frame is reported as the library's doing") {
    server   server;
    raw_peer peer = server.connect();
    peer.send(peer.frame(0x89, std::string(126, 'x'))); // a ping longer than a control frame may be
    CHECK(peer.read_to_end().bytes.empty());
    // Over TLS it could as well be that the peer had ended TLS.
    CHECK(events.next() == std::string("closed by the ") + (over_tls ? "transport" : "library") +
                               ", not cleanly: 1006 abnormal_closure");
}

TEST_CASE("lws giving up a peer that does not answer its ping is reported as the library's doing", "[kernel]") {
    lws_retry_bo_t retry{};
    retry.secs_since_valid_ping   = 1;
    retry.secs_since_valid_hangup = 2;
    test::host_options options;
    options.retry = &retry;
    server   server(nullptr, one_protocol, options);
    raw_peer peer = server.connect();
    CHECK(peer.read_frame()[0] == '\x89');
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed by the library, not cleanly: 1006 abnormal_closure (no_pong)");
}

TEST_CASE("a connection that lws ends for another reason is not said to have ignored a ping", "[kernel]") {
    const bool writes = GENERATE(false, true);
    CAPTURE(writes);
    server   server([writes](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            if (!writes)
                write(wsi, 1); // with no silence before
            lws_set_timer_usecs(wsi, 1200 * LWS_US_PER_MS);
        }
        if (reason == LWS_CALLBACK_TIMER) {
            if (writes)
                write(wsi, 1); // with no silence behind
            lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_to_end().bytes == "\x82\x01x");
    CHECK(events.next() == "closed by the library, not cleanly: 1006 abnormal_closure");
}

TEST_CASE("lws refusing text that is not UTF-8 is reported as the library's doing") {
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

TEST_CASE("a peer that does not read what comes after a silence is not said to have ignored a ping", "[kernel]") {
    bool     has_written = false;
    server   server([&](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_TIMER && has_written) // nobody says why
            lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        else if (reason == LWS_CALLBACK_TIMER) {
            has_written = true;
            write(wsi, 300000); // which the kernel takes, and cannot send
        }
        if (received(reason) || reason == LWS_CALLBACK_TIMER)
            lws_set_timer_usecs(wsi, 2500 * LWS_US_PER_MS); // its probes may carry data for a second
        return 0;
    });
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    const std::string line = events.next();
    CAPTURE(line);
    CHECK(line.find("no_pong") == std::string::npos);
    CHECK(test::is_unclean(line));
}
