// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The program ends the connection as it would on bare lws: by -1, and a reason left with lws.

#include "wsclose/lws/tracked/server.hpp"

using namespace tracked_test;

TEST_CASE("a program that drops the connection is reported as having done so") {
    server server(
        [](session &, lws *, lws_callback_reasons reason, std::string_view) { return received(reason) ? -1 : 0; });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure (dropped)");
}

TEST_CASE("what a program wrote before it drops the connection is given the time to close to arrive, and no more") {
    const bool ends_tcp = GENERATE(false, true);
    server     server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (!received(reason))
            return 0;
        s.ws.set_close_timeout(LWS_US_PER_SEC);
        write(wsi, 4000 * 1000); // more than the sockets take
        events.add("written");
        return -1;
    });
    raw_peer   peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "written");
    if (ends_tcp) // lws 4.0 and 4.1 alone would then loop until the end
        peer.send_fin();
    CHECK(events.next(3500) == "closed by us, not cleanly: 1006 abnormal_closure (dropped)"); // lws alone waits for 5 s
}

TEST_CASE("code written for bare lws keeps working and cannot send an invalid frame") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view message) {
        if (!received(reason))
            return 0;
        unsigned char why[] = {'w', 'h', 'y', 0xC3};
        lws_close_reason(wsi, static_cast<lws_close_status>(message == "bad" ? 1005 : 4001), why,
                         message == "bad" ? 4 : 3);
        return -1;
    });
    raw_peer good = server.connect();
    good.send_text("good");
    CHECK(good.answer_close_and_read_to_end().bytes == "\x88\x05\x0F\xA1"
                                                       "why");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"why\", received 4001 \"why\"");
    raw_peer bad = server.connect();
    bad.send_text("bad");
    CHECK(bad.answer_close_and_read_to_end().bytes == "\x88\x08\x03\xF3"
                                                      "why\xEF\xBF\xBD");
    CHECK(events.next() ==
          "closed cleanly by us: sent 1011 internal_error \"why\xEF\xBF\xBD\", received 1011 \"why\xEF\xBF\xBD\"");
}

TEST_CASE("a reason left with lws never becomes a second Close frame") {
    SECTION("if the program closes after that") {
        server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (received(reason)) {
                leave_reason(wsi);
                s.ws.close(close_code{4001}, "bye");
            }
            return 0;
        });
        raw_peer peer = server.connect();
        peer.send_text("x");
        const auto seen = peer.answer_close_and_read_to_end();
        CHECK(seen.bytes == bye_frame);
        CHECK(seen.seconds < 1);
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    }
    SECTION("if the peer closes after that") {
        server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (received(reason))
                leave_reason(wsi);
            return reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE ? -1 : 0;
        });
        raw_peer peer = server.connect();
        peer.send_text("x");
        peer.send_close(bye);
        const auto seen = peer.read_to_end();
        CHECK(seen.bytes == bye_frame);
        CHECK(seen.seconds < 1);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    }
    SECTION("if it is left in the callback for the peer's close") {
        server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (reason != LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
                return 0;
            leave_reason(wsi);
            return -1;
        });
        raw_peer peer = server.connect();
        peer.send_text("x");
        peer.send_close(bye);
        const auto seen = peer.read_to_end();
        CHECK(seen.bytes == bye_frame);
        CHECK(seen.seconds < 1);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    }
}

TEST_CASE("the writeable callback ends the connection by -1, also for an lws that takes -1 for something else") {
    static connection_ref current;
    server                server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view message) {
        if (received(reason) && message == "ask")
            lws_callback_on_writable(wsi);
        if (received(reason) && message == "wait") {
            current = connection_ref(s.ws);
            events.add("waiting");
        }
        return reason == LWS_CALLBACK_SERVER_WRITEABLE ? -1 : 0;
    });
    raw_peer              peer = server.connect();
    SECTION("as lws calls it") {
        peer.send_text("ask");
        CHECK(peer.read_to_end().bytes.empty());
    }
    SECTION("as lws is told") { // 5.0 and before take every result but 0 for the same
        peer.send_text("wait");
        CHECK(events.next() == "waiting");
        server.host().on_service_thread([](lws_context *) {
            lws *const wsi = current.wsi();
            CHECK(one_protocol[0].callback(wsi, LWS_CALLBACK_SERVER_WRITEABLE, lws_wsi_user(wsi), nullptr, 0) == 1);
            lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        });
        CHECK(peer.read_to_end().bytes.empty());
    }
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure (dropped)");
}

TEST_CASE("a program that has returned -1 with a reason gets no writeable callback any more") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            lws_callback_on_writable(wsi);
            leave_reason(wsi);
            return -1;
        }
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
            events.add("writeable");
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x05\x03\xE9old");
    CHECK(events.next() == "closed cleanly by us: sent 1001 going_away \"old\", received 1001 \"old\"");
}

TEST_CASE("a program that has closed and then returns -1 with a reason still writes before the first close") {
    static bool has_written;
    has_written = false;
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE && !std::exchange(has_written, true))
            write(wsi, 1);
        if (!received(reason))
            return 0;
        s.ws.close(close_code{4001}, "bye");
        leave_reason(wsi);
        return -1;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x82\x01x" + bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a program that returns -1 with a reason from its timer waits for the answer too") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason))
            lws_set_timer_usecs(wsi, 1);
        if (reason != LWS_CALLBACK_TIMER)
            return 0;
        leave_reason(wsi);
        return -1;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x05\x03\xE9old");
    CHECK(events.next() == "closed cleanly by us: sent 1001 going_away \"old\", received 1001 \"old\"");
}

TEST_CASE("no reason left with lws follows our Close frame") {
    static connection_ref closing;
    server                server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            closing = connection_ref(s.ws);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer              peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    server.host().on_service_thread([](lws_context *) { leave_reason(closing.wsi()); });
    peer.send_close(bye);
    const auto rest = peer.read_to_end();
    CHECK(rest.bytes.empty());
    CHECK(rest.seconds < 1);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a connection that is closed from elsewhere in the old way is closed by the program, with any code") {
    static connection_ref target;
    const auto [status, frame, report] = GENERATE(table<int, std::string, std::string>({
        {1001, "\x88\x05\x03\xE9old", "sent 1001 going_away \"old\""},
        {1002, "\x88\x05\x03\xEAold", "sent 1002 protocol_error \"old\""},
        {1007, "\x88\x05\x03\xEFold", "sent 1007 invalid_payload \"old\""},
    }));
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            target = connection_ref(s.ws);
            events.add("here");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "here");
    server.host().on_service_thread([code = status](lws_context *) {
        unsigned char old[] = {'o', 'l', 'd'};
        lws *const    wsi   = target.wsi();
        lws_close_reason(wsi, static_cast<lws_close_status>(code), old, sizeof old);
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
    });
    CHECK(peer.read_to_end().bytes == frame);
    CHECK(events.next() == "closed by us, not cleanly: " + report + ", received nothing (dropped)");
}

TEST_CASE("a frame without a code goes out as it is, even if a reason is left with lws") {
    server server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            leave_reason(wsi);
            s.ws.close(close_frame());
        }
        return 0;
    });
    SECTION("from a server") {
        raw_peer peer = server.connect();
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x00"sv);
        CHECK(events.next() == "closed cleanly by us: sent 1005 no_status_received, received 1005");
    }
    SECTION("from a client") {
        test::listener listener;
        server.host().connect(listener.port(), "tracked");
        raw_peer peer = raw_peer::accept(listener, "tracked");
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x00"sv);
        CHECK(events.next() == "closed cleanly by us: sent 1005 no_status_received, received 1005");
    }
}

TEST_CASE("a frame that lws was left to send but did not send is not called sent") {
    SECTION("because lws flushes data, and then forgets the frame") {
        server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (!received(reason))
                return 0;
            write(wsi, 16u << 20);
            leave_reason(wsi);
            return -1;
        });
        raw_peer peer = server.connect();
        server.host().on_service_thread([&](lws_context *) { peer.send_text("x"); });
        const std::string report = events.next();
        CAPTURE(report);
        CHECK(report.find("1006 abnormal_closure") != std::string::npos);
        CHECK(test::is_unclean(report));
    }
    SECTION("because the peer has reset the connection") {
        server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (!received(reason))
                return 0;
            leave_reason(wsi);
            return -1;
        });
        raw_peer peer = server.connect();
        server.host().on_service_thread([&](lws_context *) { // so that lws sees both at once
            peer.send_text("x");
            peer.reset();
        });
        const std::string report = events.next();
        CAPTURE(report);
        CHECK(report.find("1006 abnormal_closure") != std::string::npos);
        CHECK(test::is_unclean(report));
    }
}

TEST_CASE("a reason that was left with lws and not used does not say who ended the connection") {
    server   server([](session &, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            leave_reason(wsi);
            events.add("reason");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "reason");
    SECTION("if the peer ends TCP") {
        peer.send_fin();
        const std::string report = events.next();
        const bool        unused = peer.read_to_end().bytes.empty();
        CHECK((unused || over_tls)); // there lws may see the end of TLS before that of TCP, which looks like a kill
        CHECK(report == (unused
                             ? "closed by the transport, not cleanly: 1006 abnormal_closure (fin)"
                             : "closed by us, not cleanly: sent 1001 going_away \"old\", received nothing (dropped)"));
    }
    SECTION("if the peer resets TCP") {
        peer.reset();
        CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
    }
}
