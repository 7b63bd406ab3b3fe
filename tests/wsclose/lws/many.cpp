// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Many connections: a thousand that end in one round of the event loop, and more than there are file descriptors.

#include <wsclose/lws/tracked.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#ifndef _WIN32
#    include <sys/resource.h>
#endif

#include <wsclose/lws/connection_list.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using test::raw_peer;

namespace {

test::event_log  events;
std::atomic<int> sessions{0};
std::atomic<int> still_open{0}; // of those that are counted down

struct session {
    connection             ws;
    connection_list::entry listed;

    session() { ++sessions; }
    ~session() { --sessions; }
    void on_close(const close_report &report);
};

connection_list  *everyone = nullptr; // of the service thread
std::string       expected;           // of each report
std::atomic<bool> counts_down{false};

void session::on_close(const close_report &report) {
    const std::string line = test::line_of(report);
    if (!counts_down)
        events.add(line);
    else if (line != expected || --still_open < 0)
        events.add("wrong: " + line);
    else if (still_open == 0)
        events.add("all have ended");
}

int callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    auto *const s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED && everyone)
        everyone->add(s->ws, s->listed);
    return 0;
}

const lws_protocols protocols[] = {
    {"many", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

constexpr auto    bye       = "\x0F\xA1"
                              "bye"sv; // 4001
const std::string bye_frame = "\x88\x05\x0F\xA1"
                              "bye";

#ifdef _WIN32
constexpr int most_peers = 300;
#else
/// How many descriptors this process may have, as long as this lives.
class descriptor_limit {
public:
    descriptor_limit() { ::getrlimit(RLIMIT_NOFILE, &before_); }
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

    rlim_t most() const { return before_.rlim_max; }
    void   set(rlim_t soft) const {
          const rlimit changed{soft, before_.rlim_max};
          REQUIRE(::setrlimit(RLIMIT_NOFILE, &changed) == 0);
    }

private:
    rlimit before_{};
};

constexpr int most_peers = 1000;
#endif

/// Sees to it that no session is left over.
class host {
public:
    host() {
        events.clear();
        lws_set_log_level(0, nullptr);
    }
    ~host() {
        host_.stop();
        CHECK(sessions == 0);
        CHECK(events.empty());
        counts_down = false;
        everyone    = nullptr;
    }
    test::lws_host *operator->() { return &host_; }

private:
    test::lws_host host_{protocols};
};

} // namespace

TEST_CASE("a thousand connections that close in one round get a frame and a report each") {
    enum class by { close, close_all, peers };
    const by whom = GENERATE(by::close, by::close_all, by::peers);
#ifndef _WIN32
    const descriptor_limit limit;
    limit.set(2200);
#endif
    const int       count = test::default_transport() == test::transport::tls ? 100 : most_peers;
    connection_list list;
    everyone = &list;
    host                  host;
    std::vector<raw_peer> peers;
    for (int i = 0; i < count; ++i)
        peers.push_back(raw_peer::connect(host->port(), "many"));
    expected    = whom == by::peers ? "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\""
                                    : "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"";
    still_open  = count;
    counts_down = true;
    host->on_service_thread([&](lws_context *) {
        CHECK(list.size() == static_cast<std::size_t>(count));
        switch (whom) {
        case by::close: list.for_each([](connection &one) { CHECK(one.close(close_code{4001}, "bye")); }); break;
        case by::close_all: CHECK(list.close_all(close_code{4001}, "bye") == static_cast<std::size_t>(count)); break;
        case by::peers:
            for (raw_peer &peer : peers)
                peer.send_close(bye);
            break;
        }
    });
    int right = 0;
    for (raw_peer &peer : peers)
        right += (whom == by::peers ? peer.read_to_end() : peer.answer_close_and_read_to_end()).bytes == bye_frame;
    CHECK(right == count);
    CHECK(events.next() == "all have ended");
    host->on_service_thread([&](lws_context *) { CHECK(list.empty()); });
}

#ifndef _WIN32
TEST_CASE("while there are no file descriptors, connections end as always, and attempts fail; then it goes on",
          "[kernel]") {
    const descriptor_limit limit;
    host                   host;
    raw_peer       early = raw_peer::connect(host->port(), "many"), silent = raw_peer::connect(host->port(), "many");
    test::listener elsewhere;
    test::socket_handle late(test::make_socket());
    const sockaddr_in   address = test::loopback(host->port());
    const int           lowest  = ::dup(0); // all below are in use
    ::close(lowest);
    limit.set(static_cast<rlim_t>(lowest));

    CHECK(::connect(late.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) ==
          0);                                                       // the kernel accepts
    if (host->connect(elsewhere.port(), "many") || !events.empty()) // lws may fail at once, without a callback
        CHECK(events.next().find("not connected") == 0);
    silent.send_fin(); // its descriptor becomes free, and `late` may get it
    CHECK(events.next().find("closed by the transport") == 0);
    early.send_close(bye);
    CHECK(early.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");

    limit.set(2200);
    raw_peer peer = raw_peer::over(std::move(late), raw_peer::side::client, test::default_transport());
    peer.upgrade("many");
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}
#endif
