// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/reconnect.hpp>

#include <wsclose/lws/tracked.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include <wsclose/format.hpp>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

enum class team_code { banned = 4003 };
template <>
struct wsclose::close_code_traits<team_code> {
    static constexpr wsclose::advised_code<team_code> codes[] = {
        {team_code::banned, "banned", {wsclose::next_step::stop}}};
};

using namespace wsclose;
using test::raw_peer;

namespace {

test::event_log events;

constexpr backoff_policy fast() {
    backoff_policy policy;
    policy.divisor = 1'000;
    return policy;
}

constexpr backoff_policy patient() { // it waits seconds
    backoff_policy policy;
    policy.spread = jitter::none;
    return policy;
}

struct client {
    connection                    ws;
    reconnector                   again;
    std::function<bool(client &)> allow; // before each try
    std::function<void(client &)> then;  // at the end of on_close
    std::string                   address = "127.0.0.1";
    const char                   *host = nullptr, *origin = nullptr, *path = nullptr;
    std::atomic<std::uint16_t>    port{0};
    lws_vhost                    *vhost = nullptr;

    explicit client(const backoff_policy &policy = fast()) : again(policy) {}

    bool on_connect(lws_client_connect_info &info, const advice &why) {
        events.add("connect: " + std::string(name(why.what)) +
                   (why.minimum > 0 ? " after " + std::to_string(why.minimum) : ""));
        if (const auto ask = allow; ask && !ask(*this)) // which may destroy this
            return false;
        info.vhost          = vhost;
        info.address        = address.c_str();
        info.host           = host;
        info.origin         = origin;
        info.path           = path;
        info.port           = port;
        info.protocol       = "team";
        info.ssl_connection = test::default_transport() == test::transport::tls ? LCCSCF_USE_SSL : 0;
        if (host && info.ssl_connection)
            info.ssl_connection |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
        return true;
    }

    void on_close(const close_report &report) {
        const auto delay = again.plan(report, advise<team_code>(report));
        if (delay.has_value() != again.is_waiting() || (delay && (*delay < 0 || *delay > 60'000)))
            events.add("a wrong plan");
        const bool failed = !report.error().empty();
        events.add((failed ? "not connected" : std::to_string(static_cast<int>(report.code()))) +
                   (delay ? ", comes back" : ", stops"));
        if (then)
            then(*this);
    }
};

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        events.add("open");
    if (reason == LWS_CALLBACK_CLIENT_RECEIVE)
        static_cast<client *>(user)->ws.close(close_code::normal_closure, "bye");
    (void)wsi;
    return 0;
}

const lws_protocols protocols[] = {
    {"team", tracked<callback, &client::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// A client in a context of its own. Everything is done on the service thread.
struct playground {
    std::unique_ptr<client> one; // which outlives the context
    test::lws_host          host{protocols};

    explicit playground(const backoff_policy &policy = fast()) : one(std::make_unique<client>(policy)) {
        events.clear();
        lws_set_log_level(0, nullptr);
        one->vhost = host.vhost();
    }
    ~playground() { host.stop(); }

    void start() {
        host.on_service_thread([this](lws_context *context) { one->again.start(context, *one); });
    }

    /// The first try fails, and the next one is planned.
    void start_in_vain() {
        one->port = test::dead_port();
        start();
        CHECK(events.next() == "connect: come_back");
        CHECK(events.next() == "not connected, comes back");
    }

    /// The first try succeeds.
    raw_peer start_and_accept(const test::listener &listener) {
        one->port = listener.port();
        start();
        CHECK(events.next() == "connect: come_back");
        raw_peer peer = raw_peer::accept(listener, "team");
        CHECK(events.next() == "open");
        return peer;
    }

    bool is_waiting() {
        bool answer = false;
        host.on_service_thread([&](lws_context *) { answer = one->again.is_waiting(); });
        return answer;
    }
};

constexpr auto restart = std::string_view("\x03\xF4", 2); // 1012
constexpr auto banned  = std::string_view("\x0F\xA3", 2); // 4003

} // namespace

TEST_CASE("a client comes back to a server that restarts, and stops when its advice is to stop") {
    playground     ground;
    test::listener listener;
    {
        raw_peer first = ground.start_and_accept(listener);
        first.send_close(restart);
        first.read_to_end();
    }
    const std::string ending = events.next(); // lws before 4.2 hides 1012
    CHECK((ending == "1012, comes back" || ending == "1002, comes back"));
    CHECK(events.next() == "connect: come_back after 5000");
    {
        raw_peer second = raw_peer::accept(listener, "team");
        CHECK(events.next() == "open");
        second.reset();
    }
    CHECK(events.next() == "1006, comes back");
    CHECK(events.next() == "connect: come_back");
    raw_peer third = raw_peer::accept(listener, "team");
    CHECK(events.next() == "open");
    third.send_close(banned);
    third.read_to_end();
    CHECK(events.next() == "4003, stops");
    CHECK_FALSE(ground.is_waiting());
    CHECK(events.empty());
}

TEST_CASE("a client that closes does not come back") {
    playground     ground;
    test::listener listener;
    raw_peer       peer = ground.start_and_accept(listener);
    peer.send_text("x");
    peer.answer_close_and_read_to_end();
    CHECK(events.next() == "1000, stops");
    CHECK_FALSE(ground.is_waiting());
}

TEST_CASE("a client tries until a server is there", "[refused]") {
    playground     ground;
    test::listener listener;
    ground.one->port = test::dead_port();
    ground.start();
    for (int i = 0; i < 3; ++i) {
        CHECK(events.next() == "connect: come_back");
        CHECK(events.next() == "not connected, comes back");
    }
    ground.one->port = listener.port();
    raw_peer peer    = raw_peer::accept(listener, "team");
    while (events.next() != "open") {
    }
    std::uint32_t tries = 0;
    ground.host.on_service_thread([&](lws_context *) { tries = ground.one->again.tries(); });
    CHECK(tries >= 3);
}

TEST_CASE("a client tries again if the server's name is not found, and may try another") {
    playground     ground;
    test::listener listener;
    ground.one->port    = listener.port();
    ground.one->address = "nowhere.invalid";
    ground.one->allow   = [](client &one) {
        if (one.again.tries() == 2)
            one.address = "127.0.0.1";
        return true;
    };
    ground.start();
    raw_peer peer = raw_peer::accept(listener, "team");
    int      seen = 0;
    for (std::string event = events.next(); event != "open" && seen < 100; event = events.next())
        seen += event == "connect: come_back";
    CHECK(seen == 3);
}

#if LWS_LIBRARY_VERSION_NUMBER < 4002000
TEST_CASE("the log tells of a try that lws does not report, such as one whose name is not found") {
    playground                   ground;
    static std::atomic<unsigned> lines;
    lines = 0;
    lws_set_log_level(LLL_WARN, [](int, const char *line) {
        lines += std::string_view(line).find("wsclose: lws did not begin to connect") != std::string_view::npos;
    });
    ground.one->address = "nowhere.invalid";
    ground.start();
    for (int i = 0; i < 3; ++i)
        CHECK(events.next() == "connect: come_back");
    CHECK(lines >= 2);
    ground.host.stop();
    lws_set_log_level(0, nullptr);
}
#endif

TEST_CASE("a client comes back to a server that refuses it for the time being") {
    playground     ground;
    test::listener listener;
    ground.one->port = listener.port();
    ground.start();
    CHECK(events.next() == "connect: come_back");
    raw_peer::answer_http(listener, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
    CHECK(events.next() == "not connected, comes back");
    CHECK(events.next() == "connect: come_back after 1000");
    raw_peer peer = raw_peer::accept(listener, "team");
    CHECK(events.next() == "open");
}

TEST_CASE("a client that was redirected comes back to where it began") {
    if (test::event_loop::name() != "poll") // in others, lws 4.1 cannot follow
        return;
    if (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR == 5) // which then asks for no WebSocket
        return;
    playground     ground;
    test::listener first, second;
    ground.one->port = first.port();
    ground.start();
    CHECK(events.next() == "connect: come_back");
    const std::string scheme = test::default_transport() == test::transport::tls ? "https" : "http";
    {
        raw_peer peer = raw_peer::answer_http(first, "HTTP/1.1 302 Found\r\nLocation: " + scheme +
                                                         "://127.0.0.1:" + std::to_string(second.port()) +
                                                         "/\r\nContent-Length: 0\r\n\r\n");
        raw_peer next = raw_peer::accept(second, "team");
        CHECK(events.next() == "open");
        next.reset();
    }
    CHECK(events.next() == "1006, comes back");
    CHECK(events.next() == "connect: come_back");
    raw_peer peer = raw_peer::accept(first, "team");
    CHECK(events.next() == "open");
}

TEST_CASE("a client asks as on_connect says, for / of the address if it does not say") {
    playground     ground;
    test::listener listener;
    std::string    expected_path = "GET / HTTP/1.1", host = "127.0.0.1", origin = "//127.0.0.1";
    if (GENERATE(false, true)) {
        ground.one->host   = "chat.example";
        ground.one->origin = "https://www.example";
        ground.one->path   = "/team";
        expected_path      = "GET /team HTTP/1.1";
        host               = "chat.example";
        origin             = "https://www.example";
    }
    ground.one->port = listener.port();
    ground.start();
    raw_peer          peer = raw_peer::accept_only(listener, test::default_transport());
    const std::string head = peer.read_head();
    CAPTURE(head);
    CHECK(head.find(expected_path) == 0);
    CHECK(head.find("Host: " + host) != std::string::npos);
    CHECK(head.find(origin) != std::string::npos);
    CHECK(events.next() == "connect: come_back");
    peer.reset();
    CHECK(events.next() == "not connected, comes back");
}

TEST_CASE("a client that is stopped does not come back, and its delay may be for ever", "[refused]") {
    playground ground(patient());
    ground.start_in_vain();
    ground.host.on_service_thread([&](lws_context *) {
        reconnector &again = ground.one->again;
        again.stop();
        CHECK_FALSE(again.is_waiting());
        CHECK(again.plan(ground.one->ws.report(), {next_step::come_back}));
        CHECK_FALSE(again.plan(ground.one->ws.report(), {next_step::stop}));
        CHECK_FALSE(again.is_waiting());
        CHECK(again.plan(ground.one->ws.report(), {next_step::come_back, std::numeric_limits<std::int64_t>::max()}));
    });
    ground.host.pass(50 * LWS_US_PER_MS);
    CHECK(ground.is_waiting());
    CHECK(events.empty());
}

TEST_CASE("clients that lose one server at the same time come back at different times", "[refused]") {
    playground ground{backoff_policy()};
    ground.start_in_vain();
    std::set<std::int64_t> delays;
    ground.host.on_service_thread([&](lws_context *) {
        for (int i = 0; i < 20; ++i)
            delays.insert(ground.one->again.plan(ground.one->ws.report(), {next_step::come_back}).value());
    });
    CHECK(delays.size() > 10);
}

TEST_CASE("a planned try goes with its vhost, and not with another") {
    playground ground(patient());
    ground.one->port = test::dead_port();
    enum class attempt { refused, not_found, without_vhost };
    switch (GENERATE(attempt::refused, attempt::not_found, attempt::without_vhost)) {
    case attempt::refused: break;
    case attempt::not_found: ground.one->address = "does-not-exist.invalid"; break;
    case attempt::without_vhost: ground.one->vhost = nullptr; break; // lws takes the first one
    }
    ground.start();
    CHECK(events.next() == "connect: come_back");
    while (!ground.is_waiting())
        ground.host.pass(LWS_US_PER_MS);
    ground.host.on_service_thread([](lws_context *context) {
        lws_context_creation_info info{};
        info.port       = CONTEXT_PORT_NO_LISTEN;
        info.vhost_name = "another";
        info.protocols  = protocols;
        lws_vhost_destroy(lws_create_vhost(context, &info));
    });
    ground.host.pass(LWS_US_PER_MS);
    CHECK(ground.is_waiting());
    if (LWS_LIBRARY_VERSION_NUMBER < 4002000) // it tells the protocols of its end only with that of the context
        return;
    ground.host.on_service_thread([&](lws_context *) { lws_vhost_destroy(ground.host.vhost()); });
    for (int i = 0; i < 2000 && ground.is_waiting(); ++i) // lws may tell them later
        ground.host.pass(LWS_US_PER_MS);
    CHECK_FALSE(ground.is_waiting());
}

TEST_CASE("there is no try if the session says no, until it is started again") {
    playground     ground;
    test::listener listener;
    ground.one->port  = listener.port();
    ground.one->allow = [](client &) { return false; };
    ground.start();
    CHECK(events.next() == "connect: come_back");
    CHECK_FALSE(ground.is_waiting());
    SECTION("which goes well") {
        ground.one->allow = nullptr;
        raw_peer peer     = ground.start_and_accept(listener);
    }
    SECTION("or is destroyed") {
        ground.host.on_service_thread([&](lws_context *) { ground.one.reset(); });
    }
}

TEST_CASE("a client that is started again while it waits tries at once, and counts on", "[refused]") {
    playground ground(patient());
    for (std::uint32_t round = 1; round <= 3; ++round) {
        ground.start_in_vain();
        CHECK(ground.is_waiting());
        ground.host.on_service_thread([&](lws_context *) { CHECK(ground.one->again.tries() == round); });
    }
}

TEST_CASE("no try follows a session that is destroyed", "[refused]") {
    playground ground(patient());
    ground.one->port = test::dead_port();
    SECTION("while it waits") {
        ground.start_in_vain();
        ground.host.on_service_thread([&](lws_context *) { ground.one.reset(); });
    }
    SECTION("as it is asked") {
        ground.one->allow = [&](client &) {
            ground.one.reset();
            return false;
        };
        ground.start();
        CHECK(events.next() == "connect: come_back");
    }
    ground.host.on_service_thread([](lws_context *) {});
    CHECK(events.empty());
}

TEST_CASE("a session may be destroyed while it connects, and its attempt ends with it") {
    playground     ground;
    test::listener full(0);
    const raw_peer first = raw_peer::connect_only(full.port(), test::transport::tcp); // no other gets through
    ground.one->port     = full.port();
    ground.start();
    CHECK(events.next() == "connect: come_back");
    ground.host.on_service_thread([&](lws_context *) {
        CHECK(ground.one->ws.wsi()); // it has begun
        ground.one.reset();
    });
    ground.host.on_service_thread([](lws_context *) {});
    ground.host.stop();
    CHECK(events.empty());
}

TEST_CASE("to start a client that connects, or is connected, does nothing") {
    playground     ground;
    test::listener listener;
    ground.one->port     = listener.port();
    lws_context *context = nullptr;
    ground.host.on_service_thread([&](lws_context *it) { context = it; });
    ground.one->allow = [&](client &one) {
        one.again.start(context, one);
        return true;
    };
    ground.start();
    CHECK(events.next() == "connect: come_back");
    const auto start_and_serve = [&] {
        ground.start();
        for (int rounds = 0; rounds < 10000 && ground.is_waiting(); ++rounds) { // each goes once through the loop
        }
        CHECK_FALSE(ground.is_waiting());
    };
    start_and_serve();
    raw_peer peer = raw_peer::accept(listener, "team");
    CHECK(events.next() == "open");
    ground.host.on_service_thread([&](lws_context *) {
        ground.one->again.start(context, *ground.one);
        CHECK_FALSE(ground.one->again.is_waiting());
    });
    start_and_serve();
    CHECK(events.empty());
    ground.one->allow = nullptr;
    peer.send_close(banned);
    peer.read_to_end();
    CHECK(events.next() == "4003, stops");
    ground.start(); // it is neither any more
    CHECK(events.next() == "connect: come_back");
}

TEST_CASE("a reconnector may be given another session while the first is connected") {
    playground     ground;
    test::listener listener;
    raw_peer       peer = ground.start_and_accept(listener);
    client         second;
    second.vhost = ground.host.vhost();
    second.port  = listener.port();
    ground.host.on_service_thread([&](lws_context *context) { ground.one->again.start(context, second); });
    CHECK(events.next() == "connect: come_back");
    raw_peer other = raw_peer::accept(listener, "team");
    CHECK(events.next() == "open");
    other.send_close(banned);
    CHECK(events.next() == "4003, stops");
    ground.host.stop(); // before the session
}

TEST_CASE("the end of the context takes the planned try with it, and the session may go later", "[refused]") {
    playground ground(patient());
    ground.one->port = test::dead_port();
    SECTION("while it waits") {
        ground.start_in_vain();
        ground.host.stop();
    }
    SECTION("before the first try") {
        ground.host.destroy_after([&](lws_context *context) { ground.one->again.start(context, *ground.one); });
    }
    SECTION("while it is connected") {
        test::listener listener;
        ground.one->port = listener.port();
        ground.start();
        CHECK(events.next() == "connect: come_back");
        raw_peer peer = raw_peer::accept(listener, "team");
        CHECK(events.next() == "open");
        ground.host.stop();
        CHECK(events.next().find("1006, ") == 0);
    }
    if (test::event_loop::name() != "uv") { // in a loop that is not its own, lws 4.1 never ends the context
        CHECK_FALSE(ground.one->again.is_waiting());
        CHECK(events.empty());
    }
    ground.one.reset();
}

TEST_CASE("a context that is destroyed before it was ever served takes the first try with it") {
    client                    one;
    lws_context_creation_info info{};
    info.port      = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.gid       = static_cast<decltype(info.gid)>(-1);
    info.uid       = static_cast<decltype(info.uid)>(-1);
    lws_set_log_level(0, nullptr);
    lws_context *const context = lws_create_context(&info);
    one.again.start(context, one);
    CHECK(one.again.is_waiting());
    lws_context_destroy(context);
    CHECK_FALSE(one.again.is_waiting());
}

TEST_CASE("a session that goes to another context ends with that one", "[refused]") {
    client one;
    one.port = test::dead_port();
    {
        test::lws_host first(protocols);
        events.clear();
        one.vhost = first.vhost();
        first.on_service_thread([&](lws_context *context) { one.again.start(context, one); });
        CHECK(events.next() == "connect: come_back");
        CHECK(events.next() == "not connected, comes back");
        first.on_service_thread([&](lws_context *) { one.again.stop(); });
    }
    test::lws_host second(protocols);
    second.destroy_after([&](lws_context *context) { one.again.start(context, one); });
    if (test::event_loop::name() != "uv") // in a loop that is not its own, lws 4.1 never ends the context
        CHECK_FALSE(one.again.is_waiting());
}
