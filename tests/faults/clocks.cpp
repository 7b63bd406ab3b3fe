// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The clocks jump: somebody sets the time of day, or the machine was suspended. The service thread alone sees it: this
// program has a clock_gettime() of its own in place of the C library's.

#include <wsclose/lws/tracked.hpp>

#include <atomic>
#include <ctime>
#include <memory>
#include <string>

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <wsclose/lws/timer.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

namespace {

std::atomic<std::time_t> time_of_day_jumped{0}, monotonic_jumped{0}; // by so many seconds
std::atomic<int>         looks{0};                                   // at a clock that has jumped
thread_local bool        is_service_thread = false;

} // namespace

extern "C" {
int clock_gettime(clockid_t clock, timespec *now) noexcept {
    const long result = ::syscall(SYS_clock_gettime, clock, now);
    if (is_service_thread && result == 0) {
        const std::time_t jump = clock == CLOCK_REALTIME ? time_of_day_jumped : monotonic_jumped;
        now->tv_sec += jump;
        looks += jump != 0;
    }
    return static_cast<int>(result);
}
int gettimeofday(timeval *__restrict now, void *__restrict) noexcept {
    timespec precise{};
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec  = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
std::time_t time(std::time_t *now) noexcept {
    timespec precise{};
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now)
        *now = precise.tv_sec;
    return precise.tv_sec;
}
}

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log events;
connection_ref  the_connection; // for the service thread

struct session {
    connection ws;

    static constexpr lws_usec_t close_timeout = 1200 * LWS_US_PER_MS;

    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *const s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        the_connection = connection_ref(s->ws);
        events.add("established");
    }
    if (reason == LWS_CALLBACK_RECEIVE) {
        static unsigned char much[LWS_PRE + (16 << 20)]; // more than a socket takes
        lws_write(wsi, much + LWS_PRE, sizeof much - LWS_PRE, LWS_WRITE_BINARY);
        events.add("full");
    }
    return 0;
}

const lws_protocols protocols[] = {
    {"clocks", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// A server whose clocks jump.
class server {
public:
    server() {
        host_.on_service_thread([](lws_context *) { is_service_thread = true; });
    }
    ~server() {
        host_.stop();
        time_of_day_jumped = monotonic_jumped = 0;
        CHECK(events.empty());
    }

    raw_peer connect() {
        raw_peer peer = raw_peer::connect(host_.port(), "clocks");
        CHECK(events.next() == "established");
        return peer;
    }
    void close() {
        host_.on_service_thread([](lws_context *) { CHECK(the_connection.close(close_code{4001}, "bye")); });
    }
    void jump(std::time_t time_of_day, std::time_t monotonic) {
        host_.on_service_thread([=](lws_context *) {
            time_of_day_jumped = time_of_day;
            monotonic_jumped   = monotonic;
            looks              = 0;
        });
    }

private:
    test::lws_host host_{protocols};
};

constexpr std::time_t hour = 3600, day = 24 * hour;

struct jump {
    std::time_t time_of_day, monotonic;
};

/// 25 and 49 days are more than 2^31 ms, and nearly 2^32.
jump any_jump() {
    return GENERATE(jump{-hour, 0}, jump{40 * 365 * day, 0}, jump{hour, hour}, jump{0, 25 * day}, jump{0, 49 * day},
                    jump{-day, 400 * day});
}

const std::string bye_frame = "\x88\x05\x0F\xA1"
                              "bye";

} // namespace

TEST_CASE("a silent peer gets no longer than its time, whichever way a clock jumps meanwhile") {
    const jump by = any_jump();
    CAPTURE(by.time_of_day, by.monotonic);
    server   server;
    raw_peer peer = server.connect();
    server.close();
    CHECK(peer.read_frame() == bye_frame);
    server.jump(by.time_of_day, by.monotonic);
    CHECK(events.next(4000) == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
    CHECK((looks > 0) == (by.monotonic != 0)); // lws does not ask for the time of day
}

TEST_CASE("a peer that does not read gets no longer than its time, whichever way a clock jumps meanwhile") {
    const jump by = any_jump();
    CAPTURE(by.time_of_day, by.monotonic);
    server   server;
    raw_peer peer = server.connect();
    peer.keep_little();
    peer.send_text("x");
    CHECK(events.next() == "full");
    server.close();
    server.jump(by.time_of_day, by.monotonic);
    CHECK(events.next(4000) == "closed by us, not cleanly: 1006 abnormal_closure (not_reading)");
}

TEST_CASE("a close is clean although a clock jumps before it, and before the answer") {
    const jump by = any_jump();
    CAPTURE(by.time_of_day, by.monotonic);
    server   server;
    raw_peer peer = server.connect();
    server.jump(by.time_of_day, by.monotonic);
    server.close();
    std::string frame = peer.read_frame();
    if (frame.substr(0, 1) == "\x89") // after such a time, lws pings
        frame = peer.read_frame();
    CHECK(frame == bye_frame);
    server.jump(2 * by.time_of_day, by.monotonic);
    peer.send_close(bye_frame.substr(2));
    CHECK(events.next(4000) == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}
