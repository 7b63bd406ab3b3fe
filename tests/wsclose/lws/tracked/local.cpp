// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The program closes the connection.

#include "wsclose/lws/tracked/server.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <thread>

using namespace tracked_test;

namespace {

// Closes with 4001 "bye" in the callback for `where`.
session_callback close_in(lws_callback_reasons where) {
    return [where](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == where)
            CHECK(s.ws.close(close_code{4001}, "bye"));
        return 0;
    };
}

void expect_bye(raw_peer &peer) {
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

} // namespace

TEST_CASE("a close from the receive callback goes out, is answered and reported") {
    server   server(close_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    const auto seen = peer.answer_close_and_read_to_end();
    CHECK(seen.bytes == bye_frame);
    CHECK(seen.end == stream_end::fin);
    CHECK(seen.seconds < 1);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a close works from the established callback") {
    server   server(close_in(LWS_CALLBACK_ESTABLISHED));
    raw_peer peer = server.connect();
    expect_bye(peer);
}

TEST_CASE("a close works from the callback for a pong") {
    server   server(close_in(LWS_CALLBACK_RECEIVE_PONG));
    raw_peer peer = server.connect();
    peer.send(peer.frame(0x8A, "pong"));
    expect_bye(peer);
}

TEST_CASE("a close works from the writeable callback") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_ESTABLISHED)
            CHECK((lws_callback_on_writable(wsi), true));
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
            s.ws.close(close_code{4001}, "bye");
        return 0;
    });
    raw_peer peer = server.connect();
    expect_bye(peer);
}

TEST_CASE("a close works before the connection is established") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION) {
            CHECK(s.ws.state() == connection_state::connecting);
            CHECK(s.ws.close(close_code{4001}, "bye"));
            CHECK(s.ws.state() == connection_state::closing);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    expect_bye(peer);
}

TEST_CASE("a close works from a timer") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_ESTABLISHED)
            lws_sul_schedule(
                  lws_get_context(wsi), 0, &s.timer,
                  [](lws_sorted_usec_list_t *timer) {
                    session *self = lws_container_of(timer, session, timer);
                    CHECK(self->ws.close(close_code{4001}, "bye"));
                },
                  1000);
        return 0;
    });
    raw_peer peer = server.connect();
    expect_bye(peer);
}

TEST_CASE("one connection can close another, through a reference") {
    static connection_ref first;
    server                server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason) && message == "I am first")
            first = connection_ref(s.ws);
        if (received(reason) && message == "close first")
            CHECK(first.close(close_code{4001}, "bye"));
        if (received(reason))
            events.add(std::string(message));
        return 0;
    });
    raw_peer              a = server.connect(), b = server.connect();
    a.send_text("I am first");
    CHECK(events.next() == "I am first");
    server.host().on_service_thread([](lws_context *) {
        CHECK(first.request_writable());
        const connection_ref &same = first;
        first                      = same;
        CHECK(first);
        connection_ref another(first);
        CHECK(another);
        another.reset();
        CHECK_FALSE(another);
        CHECK(first);
    });
    b.send_text("close first");
    CHECK(a.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "close first");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    server.host().on_service_thread([](lws_context *) {
        CHECK_FALSE(first);
        CHECK_FALSE(first.close(close_code::normal_closure));
        CHECK_FALSE(first.request_writable());
        CHECK(first.wsi() == nullptr);
    });
    b.reset();
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
}

TEST_CASE("a connection can be closed in on_close of another") {
    static connection_ref other;
    server                server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason) && message == "other")
            other = connection_ref(s.ws);
        if (received(reason) && message == "first")
            s.closes_at_end = &other;
        if (received(reason))
            events.add(std::string(message));
        return 0;
    });
    raw_peer              a = server.connect(), b = server.connect();
    b.send_text("other");
    CHECK(events.next() == "other");
    a.send_text("first");
    CHECK(events.next() == "first");
    a.reset();
    CHECK(b.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a second close changes nothing and says so") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (!received(reason))
            return 0;
        const close_result first = s.ws.close(close_code{4001}, "bye");
        CHECK(first);
        CHECK(first.adjusted == make_error::none);
        const close_result second = s.ws.close(close_code{4002}, "other");
        CHECK_FALSE(second);
        CHECK(second.error == close_error::already_closing);
        CHECK(name(second.error) == "already_closing");
        return -1; // as lws' own examples do: it changes nothing either
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a connection that lws already ends is closing, and takes no close and no request to write", "[tls]") {
    static session       *ending;
    static connection_ref lives;
    test::host_options    options;
    options.how = test::transport::tls; // of whose end lws waits for the peer's
    server server(
        [](session &s, lws *, lws_callback_reasons reason, std::string_view) {
            if (!received(reason))
                return 0;
            ending = &s;
            lives  = connection_ref(s.ws);
            events.add("dropped");
            return -1;
        },
        one_protocol, options);
    {
        raw_peer peer = raw_peer::connect(server.host().port(), "tracked", options.how);
        peer.send_text("x");
        CHECK(events.next() == "dropped");
        server.host().on_service_thread([](lws_context *) {
            if (!lives) // in libuv's loop, lws 4.0 does not wait
                return;
            CHECK(ending->ws.state() == connection_state::closing);
            CHECK(ending->ws.close(close_code{4001}).error == close_error::already_closing);
            CHECK_FALSE(ending->ws.request_writable());
        });
    }
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure (dropped)");
}

TEST_CASE("a server's 1010 goes out as 1011, and a frame without a code as it is") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason) && message == "1010")
            CHECK(s.ws.close(frame<close_code::mandatory_extension>("x")).adjusted == make_error::forbidden_code);
        if (received(reason) && message == "empty")
            CHECK(s.ws.close(close_frame()).adjusted == make_error::none);
        return 0;
    });
    raw_peer a = server.connect();
    a.send_text("1010");
    CHECK(a.answer_close_and_read_to_end().bytes == "\x88\x03\x03\xF3x");
    CHECK(events.next() == "closed cleanly by us: sent 1011 internal_error \"x\", received 1011 \"x\"");
    raw_peer b = server.connect();
    b.send_text("empty");
    CHECK(b.answer_close_and_read_to_end().bytes == "\x88\x00"sv);
    CHECK(events.next() == "closed cleanly by us: sent 1005 no_status_received, received 1005");
}

TEST_CASE("what was queued goes out before the Close frame") {
    static int left;
    left = 3;
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            CHECK(s.ws.request_writable());
            s.ws.set_close_timeout(60 * LWS_US_PER_SEC); // the peer does not wait so long
            s.ws.close(close_code{4001}, "bye");
        } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
            unsigned char buffer[LWS_PRE + 1] = {};
            buffer[LWS_PRE]                   = static_cast<unsigned char>('0' + left);
            lws_write(wsi, buffer + LWS_PRE, 1, LWS_WRITE_TEXT);
            if (--left > 0)
                s.ws.request_writable();
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x81\x01"
                                                       "3\x81\x01"
                                                       "2\x81\x01"
                                                       "1" +
                                                           bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a program that asks for another writeable callback and writes only then writes before the Close frame") {
    static int callbacks;
    callbacks = 0;
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            s.ws.close(close_code{4001}, "bye");
        } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
            ++callbacks == 1 ? static_cast<void>(s.ws.request_writable()) : write(wsi, 1);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x82\x01x" + bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    CHECK(callbacks == 2);
}

TEST_CASE("messages that were queued with lws_callback_on_writable() go out before the Close frame") {
    static std::deque<char> messages;
    messages = {'a', 'b', 'c'};
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            lws_callback_on_writable(wsi);
            s.ws.close(close_code{4001}, "bye");
        } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE && !messages.empty()) {
            unsigned char buffer[LWS_PRE + 1] = {};
            buffer[LWS_PRE]                   = static_cast<unsigned char>(messages.front());
            lws_write(wsi, buffer + LWS_PRE, 1, LWS_WRITE_TEXT);
            messages.pop_front();
            if (!messages.empty())
                lws_callback_on_writable(wsi);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x81\x01"
                                                       "a\x81\x01"
                                                       "b\x81\x01"
                                                       "c" +
                                                           bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a message in parts, of which permessage-deflate holds the first back, goes out before the Close frame") {
    test::host_options options;
    options.extensions = test::deflate;
    static int parts;
    parts = 0;
    server server(
        [](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (received(reason)) {
                s.ws.close(close_code{4001}, "bye");
            } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE && ++parts <= 2) {
                constexpr auto first = static_cast<lws_write_protocol>(LWS_WRITE_TEXT | LWS_WRITE_NO_FIN);
                write(wsi, 10, parts == 1 ? first : LWS_WRITE_CONTINUATION);
                lws_callback_on_writable(wsi);
            }
            return 0;
        },
        one_protocol, options);
    raw_peer peer = raw_peer::connect(server.host().port(), "tracked", test::default_transport(),
                                      "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    peer.send_text("x");
    std::string before, frame = peer.read_frame();
    for (; !frame.empty() && frame != bye_frame; frame = peer.read_frame())
        before = frame;
    CHECK(!before.empty());
    CHECK((before[0] & 0x80) != 0); // the last part of the message
    CHECK(frame == bye_frame);
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a program that writes whenever it can, and does not ask, writes once more before the Close frame") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason))
            s.ws.close(close_code{4001}, "bye");
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
            write(wsi, 1, LWS_WRITE_TEXT);
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x81\x01x" + bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a program that never stops writing is stopped by the time to close, and the Close frame still goes out") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            lws_callback_on_writable(wsi);
            s.ws.set_close_timeout(3 * LWS_US_PER_SEC);
            s.ws.close(close_code{4001}, "bye");
        }
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
            write(wsi, 1000); // more, and the peer is too slow on a busy machine
            lws_callback_on_writable(wsi);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    const std::string seen = peer.answer_close_and_read_to_end().bytes;
    CHECK(seen.substr(seen.size() - bye_frame.size()) == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a program gets no writeable callback after its Close frame, even if it asks for one") {
    static connection_ref closing;
    server                server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            closing = connection_ref(s.ws);
            s.ws.close(close_code{4001}, "bye");
        }
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE && s.ws.report().sent())
            write(wsi, 1);
        return 0;
    });
    raw_peer              peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    for (int i = 0; i < 3; ++i) // lws serves the socket in between
        server.host().on_service_thread([](lws_context *) {
            CHECK_FALSE(closing.request_writable());
            lws_callback_on_writable(closing.wsi());
        });
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("what lws_write took goes out before the Close frame, even if the socket was full") {
    static constexpr std::size_t size = 8u << 20; // more than a socket holds
    server                       server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            write(wsi, size);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer                     peer = server.connect();
    peer.send_text("x");
    // The message has a length of 64 bits, which read_frame() does not know.
    const std::string all = peer.read_raw(10 + size + bye_frame.size());
    CHECK(all.size() == 10 + size + bye_frame.size());
    CHECK(all.substr(all.size() - bye_frame.size()) == bye_frame);
    peer.send_close(bye);
    CHECK(peer.read_to_end().end == stream_end::fin);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("once a connection is closing, its callback gets no data") {
    server   server([](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
        if (received(reason)) {
            events.add(std::string(message));
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send(peer.text_frame("first") + peer.text_frame("second"));
    CHECK(peer.read_frame() == bye_frame);
    peer.send(peer.text_frame("third") + peer.close_frame(bye));
    CHECK(peer.read_to_end().end == stream_end::fin);
    CHECK(events.next() == "first");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a close reaches the peer although the program has stopped reading") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_ESTABLISHED) {
            lws_rx_flow_control(wsi, 0);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer peer = server.connect();
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a close goes out and is answered while permessage-deflate is on") {
    test::host_options options;
    options.extensions = test::deflate;
    server server(
        [](session &s, lws *wsi, lws_callback_reasons reason, std::string_view message) {
            if (received(reason))
                s.ws.request_writable();
            if (received(reason) && message == "close")
                s.ws.close(close_code{4001}, "bye");
            if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
                write(wsi, 1000, LWS_WRITE_TEXT);
            return 0;
        },
        one_protocol, options);
    const auto expect_compressed_message = [](raw_peer &peer) {
        const std::string message = peer.read_frame();
        CHECK(static_cast<unsigned char>(message[0]) == 0xC1);
        CHECK(message.size() < 100);
    };
    raw_peer peer = raw_peer::connect(server.host().port(), "tracked", test::default_transport(),
                                      "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    SECTION("ours") {
        peer.send_text("close");
        expect_compressed_message(peer);
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    }
    SECTION("the peer's") {
        peer.send_text("x");
        expect_compressed_message(peer);
        peer.send_close(bye);
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    }
}

TEST_CASE("a silent peer is waited for no longer than 5 s, even if the program changes the timeout after a close") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            s.ws.close(close_code{4001}, "bye");
            lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        }
        return 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    CHECK(events.next(9000) == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
}

TEST_CASE("a timer that the program sets as it closes, or writes, does not replace the time to close") {
    static lws_usec_t time;
    static bool       as_it_closes;
    time         = GENERATE(lws_usec_t{60 * LWS_US_PER_SEC}, lws_usec_t{LWS_SET_TIMER_USEC_CANCEL});
    as_it_closes = GENERATE(false, true); // in the old way: then there is no writeable callback
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            s.ws.set_close_timeout(LWS_US_PER_SEC);
            as_it_closes ? leave_reason(wsi) : void(s.ws.close(close_code::going_away, "old"));
        }
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE || (received(reason) && as_it_closes))
            lws_set_timer_usecs(wsi, time);
        return received(reason) && as_it_closes ? -1 : 0;
    });
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == "\x88\x05\x03\xE9old");
    CHECK(events.next() == "closed by us, not cleanly: sent 1001 going_away \"old\", received nothing (no_answer)");
}

TEST_CASE("a connection may have its own time to close: none at all, or less than the default") {
    static lws_usec_t time;
    time = GENERATE(lws_usec_t{-1}, lws_usec_t{0}, lws_usec_t{200 * LWS_US_PER_MS});
    server     server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (received(reason)) {
            s.ws.set_close_timeout(time);
            s.ws.close(close_code{4001}, "bye");
        }
        return 0;
    });
    raw_peer   peer  = server.connect();
    const auto start = std::chrono::steady_clock::now();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame); // the peer gets it even if nobody waits for the answer
    CHECK(events.next() == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
    CHECK(std::chrono::steady_clock::now() - start >= std::chrono::microseconds(time));
}

namespace {

constexpr std::size_t size_of_much = 1000 * 1000; // more than the sockets take
const std::size_t     all_of_it    = 2 + 8 + size_of_much + bye_frame.size();

// Writes much and closes, once a message comes. The peer may take so long.
session_callback write_and_close(lws_usec_t close_timeout) {
    return [close_timeout](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_ESTABLISHED)
            test::set_option(static_cast<int>(lws_get_socket_fd(wsi)), SOL_SOCKET, SO_SNDBUF, 65536);
        if (received(reason)) {
            write(wsi, size_of_much);
            s.ws.set_close_timeout(close_timeout);
            s.ws.close(close_code{4001}, "bye");
            events.add("closing");
        }
        return 0;
    };
}

} // namespace

TEST_CASE("a peer has at least 1 s to take what was written, even if nobody waits for its answer") {
    server   server(write_and_close(0));
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "closing");
    std::this_thread::sleep_for(std::chrono::milliseconds(400)); // a slow peer
    const std::string bytes = peer.read_to_end().bytes;
    CHECK(bytes.size() == all_of_it);
    CHECK(bytes.substr(std::min(bytes.size(), all_of_it - bye_frame.size())) == bye_frame);
    CHECK(events.next() == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
}

TEST_CASE("a peer has the time to close to take what was written, and then once more to answer") {
    server   server(write_and_close(4 * LWS_US_PER_SEC));
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "closing");
    std::this_thread::sleep_for(std::chrono::milliseconds(2400)); // a slow peer, in both
    CHECK(peer.read_raw(all_of_it).substr(all_of_it - bye_frame.size()) == bye_frame);
    std::this_thread::sleep_for(std::chrono::milliseconds(2200));
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("no Close frame of lws' follows ours, whatever the peer does then") {
    server   server(close_on_receive);
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(peer.read_frame() == bye_frame);
    peer.send(reserved_bits);
    const auto rest = peer.read_to_end();
    CHECK(rest.bytes.empty());
    CHECK(rest.seconds < 1);
    // Over TLS, lws 4.0 now and then waits for its timeout, 20 s, before the last callback.
    CHECK(events.next(25000) == "closed by us, not cleanly: sent 4001 \"bye\", received nothing");
}

namespace {

// Closes once a message comes, and writes by `fill` in the next writeable callback alone. The frame would also go out
// once half of `time` is over: by default, no test lasts that long.
session_callback close_and_fill(void (*fill)(lws *), lws_usec_t time = 60 * LWS_US_PER_SEC) {
    return [=, has_written = false](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) mutable {
        if (received(reason)) {
            s.ws.set_close_timeout(time);
            s.ws.close(close_code{4001}, "bye");
        }
        if (reason == LWS_CALLBACK_SERVER_WRITEABLE && !std::exchange(has_written, true)) {
            fill(wsi);
            events.add("written");
        }
        return 0;
    };
}

constexpr std::size_t much = 4000 * 1000;

void write_much(lws *wsi) { write(wsi, much); }

} // namespace

TEST_CASE("a close waits behind a message that the socket does not take at once") {
    server   server(close_and_fill(write_much));
    raw_peer peer = server.connect();
    peer.send_text("x");
    CHECK(events.next() == "written");
    server.host().pass(20 * LWS_US_PER_MS); // a timer of the connection fires, and finds the socket full
    const std::string seen = peer.answer_close_and_read_to_end().bytes;
    CHECK(seen.size() == 10 + much + bye_frame.size());
    CHECK(seen.substr(seen.size() - bye_frame.size()) == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a close waits until the full socket takes more, although lws holds nothing", "[choked]") {
    server   server(close_and_fill([](lws *wsi) {
        while (!lws_send_pipe_choked(wsi))
            write(wsi, 1000);
    }));
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "written");
    server.host().pass(20 * LWS_US_PER_MS); // as above
    const std::string seen = peer.answer_close_and_read_to_end().bytes;
    CHECK(seen.substr(seen.size() - std::min(seen.size(), bye_frame.size())) == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a peer that never reads what comes before a Close frame gets no longer than its time", "[choked]") {
    server   server(close_and_fill(write_much, LWS_US_PER_SEC));
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "written");
    CHECK(events.next(3500) == "closed by us, not cleanly: 1006 abnormal_closure (not_reading)");
}

TEST_CASE("a program that has closed does not see the close of the peer, which crosses it") {
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view message) {
        if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
            events.add("the peer closes");
        return close_on_receive(s, wsi, reason, message);
    });
    raw_peer peer = server.connect();
    peer.send(peer.text_frame("x") + peer.close_frame(bye));
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next().find("closed cleanly by ") == 0);
}
