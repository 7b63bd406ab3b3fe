// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/connection_list.hpp>

#include <chrono>
#include <memory>
#include <vector>

#include <wsclose/format.hpp>
#include <wsclose/lws/tracked.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log  events;
connection_list *everyone = nullptr;

std::vector<connection_list::entry *> entries; // in the order in which they came

struct session {
    connection             ws;
    connection_list::entry listed;

    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

int callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        CHECK(everyone->add(s->ws, s->listed));
        entries.push_back(&s->listed);
        events.add("here");
    }
    return 0;
}

const lws_protocols protocols[] = {
    {"listed", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

const std::string going_away = "\x88\x05\x03\xE9"
                               "bye";

std::vector<raw_peer> connect(test::lws_host &host, int count) {
    std::vector<raw_peer> peers;
    for (int i = 0; i < count; ++i) {
        peers.push_back(raw_peer::connect(host.port(), "listed"));
        CHECK(events.next() == "here");
    }
    return peers;
}

} // namespace

TEST_CASE("close_all closes what is in the list, and the list is empty once they are over") {
    connection_list list;
    everyone = &list;
    test::lws_host host(protocols);
    auto           peers = connect(host, 3);
    host.on_service_thread([&](lws_context *) {
        CHECK(list.close_all(close_code::going_away, "bye") == 3);
        CHECK(list.close_all(close_code::going_away, "again") == 0);
        CHECK_FALSE(list.empty());
    });
    for (raw_peer &peer : peers)
        CHECK(peer.answer_close_and_read_to_end().bytes == going_away);
    for (int i = 0; i < 3; ++i)
        CHECK(events.next() == "closed cleanly by us: sent 1001 going_away \"bye\", received 1001 \"bye\"");
    host.on_service_thread([&](lws_context *) { CHECK(list.empty()); });
}

TEST_CASE("a context that is destroyed at once after close_all still sends the Close frames") {
    connection_list list;
    everyone = &list;
    test::lws_host host(protocols);
    auto           peers = connect(host, 3);
    host.destroy_after([&](lws_context *) { CHECK(list.close_all(close_code::going_away, "bye") == 3); });
    for (raw_peer &peer : peers)
        CHECK(peer.read_to_end().bytes == going_away);
    const bool tells_why = LWS_LIBRARY_VERSION_NUMBER >= 4002000;
    for (int i = 0; i < 3; ++i)
        CHECK(events.next() ==
              std::string("closed by us, not cleanly: sent 1001 going_away \"bye\", received nothing") +
                  (tells_why ? " (context_destroyed)" : ""));
    CHECK(list.empty());
}

TEST_CASE("for_each bears that its function ends connections, adds others, and walks the list itself") {
    connection_list list;
    everyone = &list;
    entries.clear();
    test::lws_host host(protocols);
    auto           peers = connect(host, 3);
    host.on_service_thread([&](lws_context *) {
        int outer = 0, inner = 0;
        list.for_each([&](connection &) {
            ++outer;
            list.for_each([&](connection &) { ++inner; });
        });
        CHECK(outer == 3);
        CHECK(inner == 9);
        std::vector<connection *> all;
        list.for_each([&](connection &member) { all.push_back(&member); });
        int                    seen = 0;
        connection_list::entry second;
        list.for_each([&](connection &member) {
            if (++seen == 1) {
                CHECK(&member == all[0]);
                entries[1]->leave();              // the one that is next
                CHECK(list.add(*all[0], second)); // the first one once more, at the end
            }
        });
        CHECK(seen == 2);
    });
    host.stop();
    events.clear();
}

TEST_CASE("a list that goes before its connections leaves them alone, and so does an entry") {
    auto list = std::make_unique<connection_list>();
    everyone  = list.get();
    test::lws_host host(protocols);
    auto           peers = connect(host, 2);
    host.on_service_thread([&](lws_context *) {
        {
            connection_list::entry passing;
            list->for_each([&](connection &member) { CHECK(list->add(member, passing)); });
        }
        int calls = 0;
        list->for_each([&](connection &) {
            ++calls;
            list.reset(); // even so
        });
        CHECK(calls == 1);
    });
    for (raw_peer &peer : peers) {
        peer.send_close("");
        CHECK(peer.read_to_end().bytes == std::string("\x88\x00", 2));
        CHECK(events.next() == "closed cleanly by the peer: received 1005 no_status_received, sent 1005");
    }
}

TEST_CASE("what is no connection is not taken into a list") {
    connection_list list;
    session         unconnected;
    CHECK_FALSE(list.add(unconnected.ws, unconnected.listed));
    CHECK(list.empty());
    CHECK(list.close_all(close_code::going_away) == 0);
}

namespace {

struct impatient : session {
    static constexpr lws_usec_t close_timeout = 100 * LWS_US_PER_MS;
};
int impatient_callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    return callback(wsi, reason, static_cast<session *>(static_cast<impatient *>(user)), in, len);
}
const lws_protocols impatient_protocols[] = {
    {"listed", tracked<impatient_callback, &impatient::ws, impatient>, sizeof(impatient), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

// lws_service() does not return after its timers, and polls for up to 25 s if it has no other. What a program waits for
// must wake it.
TEST_CASE("a server stops as the guide says although a peer is silent, once the session's own time is over") {
    connection_list list;
    everyone = &list;
    entries.clear();
    test::host_options options;
    options.how = test::transport::tcp;
    test::lws_host host(impatient_protocols, options);
    raw_peer       silent = raw_peer::connect(host.port(), "listed", options.how);
    CHECK(events.next() == "here");
    const auto start = std::chrono::steady_clock::now();
    host.destroy_after([&](lws_context *) {
        list.close_all(close_code::going_away);
        while (!list.empty())
            host.serve_once();
        events.add("empty");
    });
    CHECK(events.next() == "closed by us, not cleanly: sent 1001 going_away, received nothing (no_answer)");
    CHECK(events.next() == "empty");
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}
