// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/timer.hpp>

#include <atomic>
#include <memory>

#include <wsclose/format.hpp>
#include <wsclose/lws/tracked.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log events;

struct session {
    connection ws;
    timer      soon, later, never;

    void on_soon() {
        events.add("soon");
        CHECK_FALSE(soon.is_running());
        ws.close(close_code{4001}, "bye");
    }
    void on_close(const close_report &) {
        events.add("closed");
        if (later.is_running() || never.start<&session::on_soon>(ws, 0, *this))
            events.add("a timer outlives its connection");
    }
};

void on_later(session &) { events.add("later"); }

int callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) { // it has begun, and is not established
        CHECK(s->never.start<on_later>(s->ws, 3600 * LWS_US_PER_SEC, *s));
        s->never.cancel();
    }
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        CHECK(s->later.start<on_later>(s->ws, 3600 * LWS_US_PER_SEC, *s));
    if (reason == LWS_CALLBACK_RECEIVE) {
        CHECK(s->soon.start<&session::on_soon>(s->ws, -1, *s)); // as 0
        CHECK(s->soon.is_running());
        CHECK(s->never.start<on_later>(s->ws, LWS_US_PER_MS, *s));
        s->never.cancel();
        s->never.cancel();
        CHECK_FALSE(s->never.is_running());
    }
    return 0;
}

const lws_protocols protocols[] = {
    {"timer", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"own", tracked<callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

const std::string bye_frame = "\x88\x05\x0F\xA1"
                              "bye";

} // namespace

TEST_CASE("a timer fires once, unless it is cancelled or its connection is over") {
    test::lws_host host(protocols);
    raw_peer       peer = raw_peer::connect(host.port(), "timer");
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "soon");
    CHECK(events.next() == "closed");
    host.stop();
    CHECK(events.empty());
}

TEST_CASE("a timer starts anew where it was running, and may start itself anew") {
    static int   fired;
    static timer again;
    struct target {
        connection *owner;
        void        on_time() {
                   if (++fired < 3)
                again.start<&target::on_time>(*owner, LWS_US_PER_MS, *this);
            else
                events.add("three times");
        }
    };
    static target to{};
    fired = 0;
    test::lws_host host(protocols);
    session        own;
    test::listener listener;
    host.connect(listener.port(), "own", &own);
    raw_peer peer = raw_peer::accept(listener, "own");
    host.on_service_thread([&](lws_context *) {
        to.owner = &own.ws;
        CHECK(again.start<on_later>(own.ws, 0, own)); // replaced before it fires
        CHECK(again.start<&target::on_time>(own.ws, 0, to));
    });
    CHECK(events.next() == "three times");
    host.on_service_thread([&](lws_context *) { again.start<on_later>(own.ws, 3600 * LWS_US_PER_SEC, own); });
    peer.reset();
    CHECK(events.next() == "closed");
    host.stop(); // and the context with it: nothing of the timers may be left in it
    CHECK_FALSE(again.is_running());
    CHECK_FALSE(own.later.is_running());
}

TEST_CASE("a timer that is destroyed, or whose connection has ended, does not fire") {
    test::lws_host host(protocols);
    session        own, another;
    test::listener listener;
    host.connect(listener.port(), "own", &own);
    raw_peer peer = raw_peer::accept(listener, "own");
    host.connect(listener.port(), "own", &another);
    raw_peer other = raw_peer::accept(listener, "own");
    timer    outlives, moves;
    host.on_service_thread([&](lws_context *) {
        auto destroyed = std::make_unique<timer>();
        CHECK(destroyed->start<on_later>(another.ws, 0, another));
        destroyed.reset();
        CHECK(outlives.start<on_later>(own.ws, 1500 * LWS_US_PER_MS, own));
        CHECK(moves.start<on_later>(own.ws, 3600 * LWS_US_PER_SEC, own));
        CHECK(moves.start<on_later>(another.ws, 3600 * LWS_US_PER_SEC, another)); // the last start counts
    });
    peer.reset();
    CHECK(events.next() == "closed");
    host.on_service_thread([&](lws_context *) { CHECK(moves.is_running()); });
    host.pass(1600 * LWS_US_PER_MS);
    CHECK(events.empty());
    host.on_service_thread([&](lws_context *) {
        CHECK(moves.start<on_later>(another.ws, 3600 * LWS_US_PER_SEC, another));
        CHECK_FALSE(moves.start<on_later>(own.ws, 0, own)); // that one has ended
        CHECK_FALSE(moves.is_running());
    });
    other.reset();
    CHECK(events.next() == "closed");
    host.stop();
}

TEST_CASE("a timer without a connection does not start, and the log says so if that has not begun") {
    static std::atomic<int> lines;
    lines = 0;
    test::lws_host host(protocols);
    lws_set_log_level(LLL_WARN, [](int, const char *) { ++lines; });
    session own;
    CHECK_FALSE(own.soon.start<on_later>(own.ws, 0, own));
    CHECK_FALSE(own.soon.is_running());
    CHECK(lines == 1);
    test::listener listener;
    host.connect(listener.port(), "own", &own);
    raw_peer peer = raw_peer::accept(listener, "own");
    peer.reset();
    CHECK(events.next() == "closed");
    host.on_service_thread([&](lws_context *) { CHECK_FALSE(own.soon.start<on_later>(own.ws, 0, own)); });
    CHECK(lines == 1);
    host.stop();
    lws_set_log_level(LLL_ERR, nullptr);
}
