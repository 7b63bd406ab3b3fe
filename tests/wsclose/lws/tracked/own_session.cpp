// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Sessions that are the program's own, and outlive the connection or not.

#include "wsclose/lws/tracked/server.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

using namespace tracked_test;

namespace {

std::atomic<int> null_callbacks{0}; // callbacks without a session that only a session should get

int counting_callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    if (!user && (reason == LWS_CALLBACK_CLIENT_RECEIVE || reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE))
        ++null_callbacks;
    if (!user && reason == LWS_CALLBACK_CLIENT_HTTP_BIND_PROTOCOL)
        events.add("called without the session that was given to lws");
    if (user && reason == LWS_CALLBACK_WSI_DESTROY)
        events.add("called with a session that has ended");
    return callback(wsi, reason, user, in, len);
}

// A session that connects anew as soon as its connection ends, as long as `next` says where to.
struct phoenix {
    connection      ws;
    connection_ref  ref;
    test::lws_host *host = nullptr;
    std::uint16_t   next = 0;

    void on_close(const close_report &report) {
        if (ref)
            events.add("a reference is left in on_close");
        if (next != 0)
            host->connect_here(std::exchange(next, std::uint16_t{0}), "phoenix", this);
        events.add(line_of(report)); // which the new connection has not touched
    }
};
int phoenix_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    phoenix *p = static_cast<phoenix *>(user);
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        p->ref = connection_ref(p->ws);
    if (reason == LWS_CALLBACK_CLIENT_WRITEABLE)
        events.add("writeable");
    if (reason != LWS_CALLBACK_CLIENT_RECEIVE)
        return 0;
    if (p->next == 0) { // the second time
        p->ws.close(close_code{4001}, "bye");
        return 0;
    }
    p->ws.request_writable();
    return -1;
}

// In memory that the program has zeroed.
struct zeroed {
    connection ws;
    int        number = 7;
    void       on_close(const close_report &report) { events.add(line_of(report)); }
};
int zeroed_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        ++static_cast<zeroed *>(user)->number;
    return 0;
}

// Waits longer than a test for an answer.
struct patient {
    static constexpr lws_usec_t close_timeout = 65 * LWS_US_PER_SEC;
    connection                  ws;
    void                        on_close(const close_report &report) { events.add(line_of(report)); }
};
int patient_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        static_cast<patient *>(user)->ws.close(close_code{4001}, "bye");
    return 0;
}

const lws_protocols protocols[] = {
    {"own", tracked<counting_callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {"sized", tracked<counting_callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0}, // which lws does not need
    {"zeroed", tracked<zeroed_callback, &zeroed::ws>, 0, 0, 0, nullptr, 0},
    {"patient", tracked<patient_callback, &patient::ws>, 0, 0, 0, nullptr, 0},
    {"phoenix", tracked<phoenix_callback, &phoenix::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

TEST_CASE("a session of the program's own stays the program's, and serves again", "[refused]") {
    const char *const protocol = GENERATE("own", "sized");
    CAPTURE(protocol);
    server         server(close_on_receive, protocols);
    test::listener listener;
    const int      before = destroyed;
    auto           own    = std::make_unique<session>();
    CHECK(own->ws.close(close_code::normal_closure).error == close_error::not_connected);
    for (int round = 0; round < 2; ++round) {
        server.host().connect(listener.port(), protocol, own.get());
        raw_peer peer = raw_peer::accept(listener, protocol);
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
        CHECK(destroyed == before);
    }
    server.host().connect(test::dead_port(), protocol, own.get());
    CHECK(events.next().find("not connected") == 0);
    server.host().on_service_thread([](lws_context *) {});
    CHECK(destroyed == before);
    CHECK(own->ws.state() == connection_state::closed);
}

TEST_CASE("a session of the program's own may begin as zeroed memory, which stays the program's") {
    server                        server(nullptr, protocols);
    test::listener                listener;
    alignas(zeroed) unsigned char memory[sizeof(zeroed)] = {};
    auto *const                   own                    = reinterpret_cast<zeroed *>(memory);
    server.host().connect(listener.port(), "zeroed", own);
    raw_peer peer = raw_peer::accept(listener, "zeroed");
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    server.host().on_service_thread([](lws_context *) {});
    CHECK(own->number == 1);
}

TEST_CASE("a session of the program's own stays the program's if the server's name is not found") {
    test::host_options options;
    options.address = "nowhere.invalid";
    server     server(nullptr, protocols, options);
    const int  before = destroyed;
    const auto own    = std::make_unique<session>();
    lws_set_log_level(0, nullptr);
    server.host().connect(1, "own", own.get());
    if (LWS_LIBRARY_VERSION_NUMBER >= 4002000) // before, lws says nothing more
        CHECK(events.next().find("not connected") == 0);
    server.host().stop();
    CHECK(destroyed == before);
}

TEST_CASE("a session that serves again writes before its Close frame, although it was done at once the first time") {
    static bool serves_again, has_written;
    serves_again = has_written = false;
    server server(
        [](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (received(reason) && serves_again)
                s.ws.close(close_code{4001}, "bye");
            if (reason == LWS_CALLBACK_CLIENT_WRITEABLE && serves_again && !std::exchange(has_written, true))
                write(wsi, 1);
            if (!received(reason) || serves_again)
                return 0;
            leave_reason(wsi);
            return -1;
        },
        protocols);
    test::listener listener;
    const auto     own      = std::make_unique<session>();
    const auto     play_one = [&] {
        server.host().connect(listener.port(), "own", own.get());
        raw_peer peer = raw_peer::accept(listener, "own");
        peer.send_text("x");
        return peer.answer_close_and_read_to_end().bytes;
    };
    CHECK(play_one() == "\x88\x05\x03\xE9old");
    CHECK(events.next() == "closed cleanly by us: sent 1001 going_away \"old\", received 1001 \"old\"");
    serves_again = true;
    CHECK(play_one() == "\x82\x01x" + bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a time to close that was set before the connection begins applies to it, not that of the session's type") {
    server         server(nullptr, protocols);
    test::listener listener;
    patient        own;
    own.ws.set_close_timeout(0);
    server.host().connect(listener.port(), "patient", &own);
    raw_peer peer = raw_peer::accept(listener, "patient");
    CHECK(peer.read_frame() == bye_frame);
    server.host().pass(LWS_US_PER_SEC / 2); // it does not answer, and nobody waits for that
    CHECK(events.next(0) == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
}

TEST_CASE("a session that is connected is not given to a second connection, and the log says so") {
    static int attempts;
    attempts = 0;
    server server(
        [](session &s, lws *wsi, lws_callback_reasons reason, std::string_view message) {
            attempts += reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER;
            return close_on_receive(s, wsi, reason, message);
        },
        protocols);
    test::listener listener;
    const kept_log log(LLL_ERR);
    auto           own = std::make_unique<session>();
    server.host().connect(listener.port(), "own", own.get());
    raw_peer peer = raw_peer::accept(listener, "own");
    SECTION("that can be established") {
        if (server.host().connect(listener.port(), "own", own.get())) // lws before 4.2 asks once TCP is up
            raw_peer::accept_only(listener, test::default_transport()).read_to_end();
    }
    SECTION("that fails") { server.host().connect(test::dead_port(), "own", own.get()); }
    server.host().on_service_thread([](lws_context *) {});
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    CHECK(events.empty());
    server.host().stop();
    CAPTURE(log.lines());
    const std::size_t at = log.lines().find("wsclose: ");
    CHECK(log.lines().find("a session serves one connection at a time") == log.lines().find("a session", at));
    CHECK(log.lines().find("wsclose: ", at + 1) == std::string::npos); // once
    CHECK(attempts == 1);
}

TEST_CASE("a session of the program's own may connect anew from its on_close, with nothing left of before") {
    server         server(nullptr, protocols);
    test::listener listener;
    phoenix        bird;
    bird.host = &server.host();
    bird.next = listener.port();
    server.host().connect(listener.port(), "phoenix", &bird);
    raw_peer first = raw_peer::accept(listener, "phoenix");
    first.send_text("x");
    CHECK(events.next() == "closed by us, not cleanly: 1006 abnormal_closure (dropped)");
    raw_peer second = raw_peer::accept(listener, "phoenix");
    second.send_text("x");
    CHECK(second.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "writeable"); // once, since the connection is closing
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    CHECK_FALSE(bird.ref);
}

TEST_CASE("a session of the program's own may delete itself in the last callback", "[refused]") {
    server server(
        [](session &s, lws *, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_CLOSED || reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR)
                delete &s;
            return 0;
        },
        protocols);
    server.host().connect(test::dead_port(), "own", new session);
    CHECK(events.next().find("not connected") == 0);
    test::listener listener;
    server.host().connect(listener.port(), "own", new session);
    raw_peer peer = raw_peer::accept(listener, "own");
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a session of the program's own may delete itself in any callback") {
    const auto where = GENERATE(LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER, LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH,
                                LWS_CALLBACK_CLIENT_ESTABLISHED, LWS_CALLBACK_CLIENT_WRITEABLE,
                                LWS_CALLBACK_CLIENT_RECEIVE, LWS_CALLBACK_WS_PEER_INITIATED_CLOSE);
    CAPTURE(static_cast<int>(where));
    server server(
        [where = where](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
                lws_callback_on_writable(wsi);
            if (reason == where)
                delete &s;
            return reason == where && where == LWS_CALLBACK_CLIENT_RECEIVE ? -1 : 0;
        },
        protocols);
    const kept_log log(LLL_ERR | LLL_WARN);
    test::listener listener;
    server.host().connect(listener.port(), "own", new session);
    raw_peer peer = where == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER
                        ? raw_peer::accept_only(listener, test::default_transport())
                        : raw_peer::accept(listener, "own");
    if (where == LWS_CALLBACK_CLIENT_RECEIVE)
        peer.send_text("x");
    if (where == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
        peer.send_close(bye);
    CHECK(peer.read_to_end().end != stream_end::never);
    server.host().stop();
    CHECK(log.lines().find("wsclose") == std::string::npos);
}

TEST_CASE("no callback comes for a session that has deleted itself") {
    server server(
        [](session &s, lws *, lws_callback_reasons reason, std::string_view message) {
            if (received(reason)) {
                events.add(std::string(message));
                delete &s;
            }
            return 0;
        },
        protocols);
    null_callbacks = 0;
    lws_set_log_level(0, nullptr);
    test::listener listener;
    server.host().connect(listener.port(), "own", new session);
    raw_peer peer = raw_peer::accept(listener, "own");
    peer.send(peer.text_frame("a") + peer.text_frame("b") + peer.close_frame(bye));
    CHECK(events.next() == "a");
    CHECK(peer.read_to_end().bytes.empty());
    server.host().stop();
    CHECK(null_callbacks == 0);
}

TEST_CASE("a session that is destroyed while it is connected takes the connection with it") {
    server server(
        [](session &, lws *, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
                events.add("established");
            return 0;
        },
        protocols);
    test::listener listener;
    auto           own = std::make_unique<session>();
    server.host().connect(listener.port(), "own", own.get());
    raw_peer peer = raw_peer::accept(listener, "own");
    CHECK(events.next() == "established");
    server.host().on_service_thread([&own](lws_context *) {
        lws *const wsi = own->ws.wsi();
        own.reset();
        const auto result_of = [wsi](int reason) {
            return protocols[0].callback(wsi, static_cast<lws_callback_reasons>(reason), lws_wsi_user(wsi), nullptr, 0);
        };
        CHECK(result_of(LWS_CALLBACK_ADD_POLL_FD - 1) != 0);
        for (int reason = LWS_CALLBACK_ADD_POLL_FD; reason <= LWS_CALLBACK_UNLOCK_POLL; ++reason)
            CHECK(result_of(reason) == 0); // these do not end it
        CHECK(result_of(LWS_CALLBACK_UNLOCK_POLL + 1) != 0);
    });
    const auto seen = peer.read_to_end();
    CHECK(seen.bytes.empty());
    CHECK(seen.end != stream_end::never);
}
