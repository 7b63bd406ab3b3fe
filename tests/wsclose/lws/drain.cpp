// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/drain.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <wsclose/lws/tracked.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {

constexpr lws_usec_t hour = 3600 * lws_usec_t{LWS_US_PER_SEC};

test::event_log  events;
connection_list *everyone = nullptr;
int              came     = 0;

struct session {
    connection             ws;
    connection_list::entry listed;
    int                    number = 0; // in the order in which they came

    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

int callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        s->number = came++;
        CHECK(everyone->add(s->ws, s->listed));
        events.add("here");
    }
    return 0;
}

/// Ends as soon as its frame is out.
struct hasty : session {
    static constexpr lws_usec_t close_timeout = 0;

    void on_close(const close_report &) { events.add(std::to_string(number)); }
};
int hasty_callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    return callback(wsi, reason, static_cast<session *>(static_cast<hasty *>(user)), in, len);
}

/// Waits longer than a test for an answer.
struct patient : session {
    static constexpr lws_usec_t close_timeout = 65 * LWS_US_PER_SEC;
};
int patient_callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    return callback(wsi, reason, static_cast<session *>(static_cast<patient *>(user)), in, len);
}

/// A client that is in the list before its server has answered.
int early_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
        CHECK(everyone->add(s->ws, s->listed));
        events.add("here");
    }
    return 0;
}

const lws_protocols protocols[] = {
    {"early", tracked<early_callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"listed", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"hasty", tracked<hasty_callback, &hasty::ws, hasty>, sizeof(hasty), 0, 0, nullptr, 0},
    {"patient", tracked<patient_callback, &patient::ws, patient>, sizeof(patient), 0, 0, nullptr, 0},
    {"own", tracked<callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

const std::string going_away = "\x88\x05\x03\xE9"
                               "bye";
const std::string answered   = "closed cleanly by us: sent 1001 going_away \"bye\", received 1001 \"bye\"";
const std::string unanswered = "closed by us, not cleanly: sent 1001 going_away \"bye\", received nothing (no_answer)";

/// A server with connections in a list.
struct server {
    server() { everyone = list.get(); }
    ~server() {
        host.stop();
        events.clear();
    }

    std::vector<raw_peer> connect(int count, const char *protocol) {
        came = 0;
        std::vector<raw_peer> peers;
        for (int i = 0; i < count; ++i) {
            peers.push_back(raw_peer::connect(host.port(), protocol));
            CHECK(events.next() == "here");
        }
        return peers;
    }

    std::size_t start(lws_usec_t window, lws_usec_t deadline) {
        std::size_t count = 0;
        host.on_service_thread(
            [&](lws_context *) { count = going_down->start(*list, window, deadline, close_code::going_away, "bye"); });
        return count;
    }

    bool is_running() {
        bool running = false;
        host.on_service_thread([&](lws_context *) { running = going_down->running(); });
        return running;
    }

    std::size_t size() {
        std::size_t count = 0;
        host.on_service_thread([&](lws_context *) { count = list->size(); });
        return count;
    }

    /// How many have not begun to close.
    std::size_t open() {
        std::size_t count = 0;
        host.on_service_thread([&](lws_context *) {
            list->for_each([&](connection &member) { count += member.state() == connection_state::open; });
        });
        return count;
    }

    /// Closes those whose numbers in the list, from 0 on, are `wanted`.
    void close_if(bool (*wanted)(int)) {
        host.on_service_thread([&](lws_context *) {
            int number = 0;
            list->for_each([&](connection &member) {
                if (wanted(number++))
                    member.close(close_code::normal_closure);
            });
        });
    }

    /// Whether the drain stops running before patience ends.
    bool ends() {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(test::patience_ms);
        while (is_running())
            if (std::chrono::steady_clock::now() > limit)
                return false;
        return true;
    }

    std::unique_ptr<connection_list> list       = std::make_unique<connection_list>();
    std::unique_ptr<drain>           going_down = std::make_unique<drain>();
    test::lws_host                   host{protocols};
};

} // namespace

TEST_CASE("a drain closes all connections of its list, and is over when the last one has ended") {
    server server;
    auto   peers = server.connect(3, "listed");
    CHECK_FALSE(server.is_running());
    CHECK(server.start(20 * LWS_US_PER_MS, hour) == 3);
    CHECK(server.is_running());
    for (std::size_t left = 3; left > 0; --left) {
        CHECK(server.size() == left);
        CHECK(peers[left - 1].answer_close_and_read_to_end().bytes == going_away);
        CHECK(events.next() == answered);
    }
    CHECK(server.size() == 0);
    CHECK_FALSE(server.is_running());
}

TEST_CASE("a drain closes one connection after the other: in a window of hours, only the first at once") {
    const lws_usec_t time = GENERATE(lws_usec_t{hour}, std::numeric_limits<lws_usec_t>::max());
    server           server;
    auto             peers = server.connect(5, "hasty");
    CHECK(server.start(time, time) == 5);
    events.next();
    CHECK(server.size() == 4);
    server.host.on_service_thread([&](lws_context *) {
        server.list->for_each([](connection &member) { CHECK(member.state() == connection_state::open); });
    });
    CHECK(server.is_running());
}

TEST_CASE("a drain with a window of 0 closes all at once") {
    const lws_usec_t window = GENERATE(lws_usec_t{0}, std::numeric_limits<lws_usec_t>::min());
    server           server;
    auto             peers = server.connect(5, "hasty");
    CHECK(server.start(window, hour) == 5);
    server.host.pass(1);
    CHECK(server.open() == 0);
    for (int i = 0; i < 5; ++i)
        CHECK(events.next() != "nothing happened");
    CHECK_FALSE(server.is_running());
}

TEST_CASE("the turns of all connections come in the window") {
    server server;
    auto   peers = server.connect(100, "hasty"); // if each had the time of all, it would take 18 s
    CHECK(server.start(200 * LWS_US_PER_MS, hour) == 100);
    CHECK(server.ends());
}

TEST_CASE("connections that begin to close by themselves leave their turns to nobody") {
    constexpr lws_usec_t window = 400 * LWS_US_PER_MS;
    server               server;
    auto                 peers = server.connect(60, "patient");
    const lws_usec_t     begin = lws_now_usecs();
    CHECK(server.start(window, hour) == 60);
    server.close_if([](int number) { return number % 2 == 0; }); // of those that are next, and of those that are last
    const std::size_t left = server.open();
    while (server.open() > left - 2) // one turn may have come before
        server.host.pass(LWS_US_PER_MS);
    CHECK(lws_now_usecs() - begin >= window / 2 - window / 60);
}

TEST_CASE("a connection that is closing already takes no turn") {
    server server;
    auto   peers = server.connect(40, "patient");
    server.close_if([](int number) { return number != 20; });
    CHECK(server.open() == 1);
    CHECK(server.start(hour, hour) == 40);
    server.host.pass(1);
    CHECK(server.open() == 0);
}

TEST_CASE("after the program was busy, the turns that it has missed do not come at once") {
    constexpr lws_usec_t window = LWS_US_PER_SEC, turn = window / 100 * 10 / 11;
    server               server;
    auto                 peers = server.connect(100, "patient");
    lws_usec_t           woke  = 0;
    server.host.on_service_thread([&](lws_context *) {
        server.going_down->start(*server.list, window, hour, close_code::going_away);
        for (woke = lws_now_usecs() + window / 2; lws_now_usecs() < woke;) {
        }
    });
    server.host.pass(1);
    const std::size_t closed = 100 - server.open();
    const lws_usec_t  passed = lws_now_usecs() - woke + detail::pace::longest;
    CHECK(closed >= 1);
    CHECK(static_cast<lws_usec_t>(closed) <= passed / turn + 1);
}

TEST_CASE("a drain takes the connections in random order, each order as likely as any other") {
    server                            server;
    auto                              peers = server.connect(3, "listed");
    std::map<std::vector<int>, int>   seen;
    std::map<const connection *, int> numbers;
    server.host.on_service_thread([&](lws_context *) {
        server.list->for_each([&](connection &member) { numbers[&member] = static_cast<int>(numbers.size()); });
        for (int i = 0; i < 6000; ++i) {
            server.going_down->start(*server.list, hour, hour, close_code::going_away);
            server.going_down->stop();
            std::vector<int> order;
            server.list->for_each([&](connection &member) { order.push_back(numbers[&member]); });
            ++seen[order];
        }
    });
    CHECK(seen.size() == 6);
    for (const auto &[order, times] : seen) // 1000 each; the standard deviation is 29
        CHECK((order.size() == 3 && times > 800 && times < 1200));
}

TEST_CASE("the turns come in the order of the shuffled list") {
    server server;
    auto   peers = server.connect(5, "hasty");
    for (int i = 0; i < 5; ++i) {
        std::string first;
        server.host.on_service_thread([&](lws_context *) {
            server.going_down->start(*server.list, hour, hour, close_code::going_away);
            server.list->for_each([&](connection &member) {
                if (first.empty())
                    first = std::to_string(static_cast<hasty *>(lws_wsi_user(member.wsi()))->number);
            });
        });
        CHECK(events.next() == first);
    }
    CHECK_FALSE(server.is_running());
}

TEST_CASE("at its deadline, a drain drops peers that do not answer") {
    server server;
    auto   peers = server.connect(2, "patient");
    CHECK(server.start(0, 100 * LWS_US_PER_MS) == 2);
    CHECK(events.next() == unanswered);
    CHECK(events.next() == unanswered);
    CHECK_FALSE(server.is_running());
    for (raw_peer &peer : peers)
        CHECK(peer.read_to_end().bytes == going_away);
    auto later = server.connect(1, "listed"); // the same drain closes again
    CHECK(server.start(0, hour) == 1);
    CHECK(later[0].answer_close_and_read_to_end().bytes == going_away);
    CHECK(events.next() == answered);
}

TEST_CASE("a connection whose turn has not come at the deadline gets its frame and is dropped") {
    server server;
    auto   peers = server.connect(3, "patient");
    CHECK(server.start(hour, 50 * LWS_US_PER_MS) == 3);
    for (int i = 0; i < 3; ++i)
        CHECK(events.next() == unanswered);
    CHECK_FALSE(server.is_running());
    for (raw_peer &peer : peers)
        CHECK(peer.read_to_end().bytes == going_away);
}

TEST_CASE("a client that is not connected at the deadline is dropped") {
    server               now;
    const test::listener silent;
    now.host.connect(silent.port(), "early");
    const raw_peer peer = raw_peer::accept_only(silent, test::default_transport());
    CHECK(events.next() == "here");
    CHECK(now.start(0, LWS_US_PER_SEC) == 1);
    CHECK(events.next(4000).find("not connected") == 0);
    CHECK(now.ends());
}

TEST_CASE("a drain with an empty list does not run") {
    server server;
    CHECK(server.start(hour, hour) == 0);
    CHECK_FALSE(server.is_running());
}

TEST_CASE("connections that end by themselves count: the drain is over when all are gone") {
    server server;
    auto   peers = server.connect(4, "hasty");
    CHECK(server.start(hour, hour) == 4);
    peers.clear();
    for (int i = 0; i < 4; ++i)
        CHECK(events.next() != "nothing happened");
    CHECK_FALSE(server.is_running());
}

TEST_CASE("a connection that comes into the list while it is drained is closed too") {
    server server;
    auto   peers = server.connect(1, "patient");
    CHECK(server.start(0, hour) == 1);
    CHECK(peers[0].read_frame() == going_away);
    raw_peer newcomer = raw_peer::connect(server.host.port(), "patient");
    CHECK(newcomer.answer_close_and_read_to_end().bytes == going_away);
    CHECK(server.is_running());
    CHECK(server.size() == 1);
}

TEST_CASE("a drain that is started again takes the new times, and closes nobody twice") {
    server server;
    auto   peers = server.connect(4, "listed");
    CHECK(server.start(hour, hour) == 4);
    CHECK(server.start(hour, hour) == 4);
    CHECK(server.start(0, hour) == 4);
    for (raw_peer &peer : peers)
        CHECK(peer.answer_close_and_read_to_end().bytes == going_away);
    for (int i = 0; i < 4; ++i)
        CHECK(events.next() == answered);
    CHECK_FALSE(server.is_running());
}

TEST_CASE("a drain that is stopped or destroyed leaves the other connections open") {
    server     server;
    auto       peers    = server.connect(3, "hasty");
    const bool destroys = GENERATE(false, true);
    CHECK(server.start(hour, hour) == 3);
    events.next();
    server.host.on_service_thread([&](lws_context *) {
        destroys ? server.going_down.reset() : server.going_down->stop();
        CHECK(server.list->size() == 2);
        server.list->for_each([](connection &member) { CHECK(member.state() == connection_state::open); });
    });
    server.host.pass(2 * detail::pace::longest); // by then its timer would have fired
}

TEST_CASE("a drain that is started again with an empty list leaves the connections of the other list open") {
    server          server;
    auto            peers = server.connect(3, "hasty");
    connection_list nobody;
    CHECK(server.start(hour, hour) == 3);
    events.next();
    server.host.on_service_thread([&](lws_context *) {
        CHECK(server.going_down->start(nobody, hour, hour, close_code::going_away) == 0);
        CHECK_FALSE(server.going_down->running());
    });
}

TEST_CASE("two drains may share a list: every connection is closed once, by one of them") {
    server server;
    auto   peers = server.connect(5, "listed");
    drain  other;
    server.host.on_service_thread([&](lws_context *) {
        CHECK(server.going_down->start(*server.list, 0, hour, close_code::going_away, "bye") == 5);
        CHECK(other.start(*server.list, 0, hour, close_code::going_away, "bye") == 5);
    });
    for (raw_peer &peer : peers)
        CHECK(peer.answer_close_and_read_to_end().bytes == going_away);
    CHECK(server.ends());
    for (int i = 0; i < 5; ++i)
        CHECK(events.next() == answered);
    server.host.on_service_thread([&](lws_context *) { CHECK_FALSE(other.running()); });
}

TEST_CASE("a second drain of a list that is stopped takes no turn from the first") {
    server server;
    auto   peers = server.connect(50, "patient");
    server.host.on_service_thread([&](lws_context *) {
        CHECK(server.going_down->start(*server.list, 0, hour, close_code::going_away) == 50);
        drain other;
        CHECK(other.start(*server.list, 0, hour, close_code::going_away) == 50);
    });
    server.host.pass(1);
    CHECK(server.open() == 0);
}

TEST_CASE("who comes into the list once the rest was dropped is left alone, and the drain ends all the same") {
    server server;
    auto   peers = server.connect(2, "patient");
    struct late : lws_sorted_usec_list_t {
        connection_list *list     = nullptr;
        session         *newcomer = nullptr;
    } after_the_drop{};
    server.host.on_service_thread([&](lws_context *context) {
        server.list->for_each(
            [&](connection &member) { after_the_drop.newcomer = static_cast<session *>(lws_wsi_user(member.wsi())); });
        after_the_drop.list = server.list.get();
        after_the_drop.newcomer->listed.leave();
        CHECK(server.going_down->start(*server.list, hour, 0, close_code::going_away, "bye") == 1);
        lws_sul_schedule(
            context, 0, &after_the_drop,
            [](lws_sorted_usec_list_t *due) {
                const late &self = *static_cast<late *>(due);
                CHECK(self.list->add(self.newcomer->ws, self.newcomer->listed));
            },
            1);
    });
    CHECK(events.next() == unanswered);
    server.host.on_service_thread([&](lws_context *) {
        CHECK(server.going_down->running());
        while (server.going_down->running()) // lws_service() returns when that changes
            server.host.serve_once();
    });
    CHECK(server.open() == 1);
}

TEST_CASE("a list may be destroyed while it is drained") {
    server server;
    auto   peers = server.connect(3, "hasty");
    CHECK(server.start(hour, hour) == 3);
    events.next();
    server.host.on_service_thread([&](lws_context *) {
        server.list.reset();
        CHECK_FALSE(server.going_down->running());
    });
    server.host.pass(2 * detail::pace::longest); // by then its timer has fired
    server.host.stop();
    CHECK_FALSE(server.going_down->running());
}

TEST_CASE("a list may be destroyed once all turns are over") {
    server server;
    auto   peers = server.connect(1, "patient");
    CHECK(server.start(0, hour) == 1);
    CHECK(peers[0].read_frame() == going_away);
    CHECK(server.is_running());
    server.host.on_service_thread([&](lws_context *) {
        server.list.reset();
        CHECK_FALSE(server.going_down->running());
    });
}

TEST_CASE("a context may be destroyed while its connections are drained") {
    server server;
    auto   peers = server.connect(3, "listed");
    CHECK(server.start(hour, hour) == 3);
    server.host.stop();
    CHECK_FALSE(server.going_down->running());
    CHECK(server.list->empty());
}

TEST_CASE("a drain is over when all connections have left its list alive") {
    server server;
    auto   peers = server.connect(2, "listed");
    server.host.on_service_thread([&](lws_context *) {
        server.going_down->start(*server.list, hour, hour, close_code::going_away); // and closes nobody yet
        server.list->for_each(
            [](connection &member) { static_cast<session *>(lws_wsi_user(member.wsi()))->listed.leave(); });
        CHECK(server.list->empty());
    });
    CHECK(server.ends());
}

TEST_CASE("a session that is destroyed while it is drained ends the drain if it was the last one") {
    server         server;
    auto           own = std::make_unique<session>();
    test::listener listener;
    server.host.connect(listener.port(), "own", own.get());
    raw_peer peer = raw_peer::accept(listener, "own");
    CHECK(events.next() == "here");
    CHECK(server.start(hour, hour) == 1);
    server.host.on_service_thread([&](lws_context *) {
        own.reset();
        CHECK_FALSE(server.going_down->running());
    });
}
