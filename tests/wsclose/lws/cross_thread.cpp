// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/cross_thread.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include <wsclose/detail/config.hpp>
#include <wsclose/format.hpp>
#include <wsclose/lws/tracked.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using test::raw_peer;

namespace {
thread_local bool finds_no_memory = false; // the next allocation of this thread
}

// Not inline: GCC would complain of free().
WSCLOSE_NOINLINE void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
    return std::malloc(size != 0 ? size : 1);
}
WSCLOSE_NOINLINE void *operator new(std::size_t size) {
    if (void *const memory = std::exchange(finds_no_memory, false) ? nullptr : operator new(size, std::nothrow))
        return memory;
    throw std::bad_alloc();
}
WSCLOSE_NOINLINE void operator delete(void *memory) noexcept { std::free(memory); }
WSCLOSE_NOINLINE void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

namespace {

test::event_log     events;
cross_thread_queue *queue = nullptr;

// References to the connections as they come; a mutex stands for how a program passes them on.
std::mutex                    references_mutex;
std::vector<cross_thread_ref> references;
test::event_log               arrivals, starts;

std::vector<cross_thread_ref> take_references() {
    const std::lock_guard<std::mutex> lock(references_mutex);
    return std::exchange(references, {});
}

struct session {
    connection ws;
    void       on_close(const close_report &report) { events.add(test::line_of(report)); }
};

session *newest = nullptr; // for the service thread

int callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        newest = s;
        const std::lock_guard<std::mutex> lock(references_mutex);
        references.emplace_back(*queue, s->ws);
        arrivals.add("one");
    }
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE)
        events.add("writeable");
    if (reason == LWS_CALLBACK_PROTOCOL_INIT)
        starts.add("initialised");
    return 0;
}

// A table with a queue of its own, and a host of it.
struct remote_host {
    cross_thread_queue              own;
    const lws_protocols             protocols[3];
    std::unique_ptr<test::lws_host> host;

    remote_host()
        : protocols{{"remote", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
                    own.protocol(),
                    {nullptr, nullptr, 0, 0, 0, nullptr, 0}} {
        queue = &own;
        start();
    }
    void start() {
        starts.clear(); // after 5.0, a context initialises a protocol more than once
        host = std::make_unique<test::lws_host>(protocols);
        CHECK(starts.next() == "initialised"); // in GLib's loop, connections may come before
        host->on_service_thread([](lws_context *) {});
    }
    raw_peer connect() {
        raw_peer peer = raw_peer::connect(host->port(), "remote");
        CHECK(arrivals.next() == "one");
        return peer;
    }
};

const std::string bye_frame = "\x88\x05\x0F\xA1"
                              "bye";

} // namespace

TEST_CASE("a reference closes its connection from another thread, and says when it has ended") {
    remote_host            host;
    raw_peer               peer = host.connect();
    const cross_thread_ref ref = take_references().at(0), copy = ref;
    CHECK(ref);
    CHECK(ref.request_writable());
    CHECK(events.next() == "writeable");
    CHECK(ref.close(close_code{4001}, "bye").adjusted == make_error::none);
    CHECK(copy.close(close_code{4002}, "too late").error == close_error::already_closing);
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "writeable"); // the program may have something to write first
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    host.host->on_service_thread([](lws_context *) {});
    CHECK_FALSE(ref);
    CHECK_FALSE(ref.request_writable());
    CHECK(copy.close(close_code{4002}).error == close_error::already_closed);
    CHECK(cross_thread_ref().close(close_code{4002}).error == close_error::already_closed);
    CHECK_FALSE(cross_thread_ref());
    CHECK_FALSE(cross_thread_ref().request_writable());
}

TEST_CASE("a reference says what it has adjusted, unless it could not close") {
    remote_host            host;
    raw_peer               peer   = host.connect();
    const cross_thread_ref ref    = take_references().at(0);
    const close_result     result = ref.close(close_code::abnormal_closure, "a\xFF"),
                       second     = ref.close(close_code::abnormal_closure);
    CHECK(result);
    CHECK(result.adjusted == make_error::forbidden_code);
    CHECK(second.error == close_error::already_closing);
    CHECK(second.adjusted == make_error::none);
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x06\x03\xF3"
                                                       "a\xEF\xBF\xBD");
    CHECK(events.next() == "writeable");
    CHECK(events.next().find("closed cleanly by us: sent 1011 internal_error") == 0);
}

TEST_CASE("a client's reference may send 1010") {
    remote_host    host;
    test::listener listener;
    host.host->connect(listener.port(), "remote");
    raw_peer peer = raw_peer::accept(listener, "remote");
    CHECK(arrivals.next() == "one");
    const close_result result = take_references().at(0).close(close_code::mandatory_extension, "x");
    CHECK(result);
    CHECK(result.adjusted == make_error::none);
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x03\x03\xF2x");
    CHECK(events.next() == "closed cleanly by us: sent 1010 mandatory_extension \"x\", received 1010 \"x\"");
}

TEST_CASE("after the queue is stopped no reference can be made, and what was asked for before is still done") {
    remote_host            host;
    raw_peer               peer = host.connect();
    const cross_thread_ref ref  = take_references().at(0);
    host.host->on_service_thread([&](lws_context *) {
        CHECK(ref.close(close_code{4001}, "bye"));
        host.own.stop();
        CHECK_FALSE(cross_thread_ref(host.own, newest->ws));
    });
    host.host->on_service_thread([](lws_context *) {}); // lws wakes the queue once more
    host.host->on_service_thread([&](lws_context *) { CHECK_FALSE(cross_thread_ref(host.own, newest->ws)); });
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "writeable");
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a queue serves one context after another, whether it was stopped between them or not") {
    const bool  stops = GENERATE(false, true);
    remote_host host;
    for (int i = 0; i < 3; ++i) {
        CAPTURE(i);
        raw_peer               peer = host.connect();
        const cross_thread_ref ref  = take_references().at(0);
        CHECK(ref.close(close_code{4001}, "bye"));
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
        CHECK(events.next() == "writeable");
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
        if (stops)
            host.own.stop();
        host.host.reset();
        CHECK_FALSE(ref);
        host.start();
    }
}

TEST_CASE("a request for which there is no memory throws and does nothing, and the next one is the first") {
    remote_host            host;
    raw_peer               peer     = host.connect();
    const cross_thread_ref ref      = take_references().at(0);
    int                    failures = 0;
    for (const bool closes : {true, false}) {
        finds_no_memory = true;
        try {
            closes ? static_cast<void>(ref.close(close_code{4002}, "lost")) : static_cast<void>(ref.request_writable());
        } catch (const std::bad_alloc &) {
            ++failures;
        }
        finds_no_memory = false;
    }
    CHECK(failures == 2);
    CHECK(ref.close(close_code{4001}, "bye"));
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "writeable"); // the program may have something to write first
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("references outlive the connection, the context and the queue, and the reverse") {
    cross_thread_ref kept;
    {
        remote_host host;
        raw_peer    first = host.connect();
        kept              = take_references().at(0);
        raw_peer second   = host.connect();
        take_references(); // it goes before its connection
        second.reset();
        CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
        CHECK(kept);
        host.own.stop();
        CHECK_FALSE(kept);
        CHECK_FALSE(kept.close(close_code{4001}));
        host.host.reset();
        CHECK(test::is_unclean(events.next()));
    }
    CHECK_FALSE(kept);
    CHECK_FALSE(kept.request_writable());
}

TEST_CASE("a reference to a connection that has not begun is empty, and nobody can connect to the queue") {
    remote_host host;
    session     unconnected;
    CHECK_FALSE(cross_thread_ref(host.own, unconnected.ws));
    lws_set_log_level(0, nullptr);
    CHECK_THROWS(raw_peer::connect(host.host->port(), "wsclose-cross-thread"));
}

TEST_CASE("a queue that is not in the table of protocols is named in an error") {
    static std::string logged;
    remote_host        host;
    cross_thread_queue another;
    queue = &another;
    logged.clear();
    lws_set_log_level(LLL_ERR, [](int, const char *line) { logged += line; });
    raw_peer peer = host.connect();
    CHECK_FALSE(take_references().at(0));
    CHECK(
        logged.find("wsclose: protocol \"remote\": a cross_thread_ref needs the line cross_thread_queue::protocol()") !=
        std::string::npos);
    host.host.reset();
    events.clear();
}

TEST_CASE("threads may go on requesting while the queue is stopped and the context destroyed") {
    for (int round = 0; round < 20; ++round) {
        remote_host           host;
        std::vector<raw_peer> peers;
        for (int i = 0; i < 8; ++i)
            peers.push_back(host.connect());
        std::atomic<bool>        done{false};
        std::vector<std::thread> threads;
        for (const cross_thread_ref &ref : take_references())
            threads.emplace_back([&done, ref] {
                while (!done) {
                    ref.request_writable();
                    std::this_thread::yield(); // or, under valgrind, lws' thread might never have its turn
                }
            });
        CHECK(events.next() == "writeable");
        host.own.stop();
        host.host.reset();
        done = true;
        for (std::thread &thread : threads)
            thread.join();
        events.clear();
    }
}

TEST_CASE("8 threads close connections that end under them") {
    constexpr int    rounds = 50, connections = 200; // at a time
    remote_host      host;
    std::atomic<int> took{0};
    for (int round = 0; round < rounds; ++round) {
        std::vector<raw_peer> peers;
        for (int i = 0; i < connections; ++i)
            peers.push_back(host.connect());
        const std::vector<cross_thread_ref> current = take_references();
        std::vector<std::thread>            threads;
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < current.size(); ++i) {
                    const cross_thread_ref copy = current[(i + static_cast<std::size_t>(t) * 25) % current.size()];
                    copy.request_writable();
                    took += static_cast<bool>(copy.close(close_code{4001}, "bye"));
                }
            });
        for (int i = 0; i < connections; i += 2) // half of them go by themselves meanwhile
            peers[static_cast<std::size_t>(i)].reset();
        for (std::thread &thread : threads)
            thread.join();
        for (int i = 1; i < connections; i += 2)
            CHECK(peers[static_cast<std::size_t>(i)].answer_close_and_read_to_end().bytes == bye_frame);
        for (int reports = 0; reports < connections;) {
            const std::string event = events.next();
            CHECK_FALSE(event == "nothing happened");
            reports += event != "writeable";
        }
    }
    CHECK(took >= rounds * connections / 2);
    CHECK(took <= rounds * connections);
}
