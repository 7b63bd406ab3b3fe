// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// lws is the client.

#include "wsclose/lws/tracked/server.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace tracked_test;

TEST_CASE("a client closes, and answers a close") {
    server         server(close_on_receive);
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    raw_peer first = raw_peer::accept(listener, "tracked");
    first.send_text("x");
    CHECK(first.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");

    server.host().connect(listener.port(), "tracked");
    raw_peer second = raw_peer::accept(listener, "tracked");
    second.send_close(bye);
    CHECK(second.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a close that a client asks for before it is connected goes out once it is, behind a first message") {
    server         server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
            s.ws.close(close_code{4001}, "bye");
            CHECK_FALSE(s.ws.request_writable());
        }
        if (reason == LWS_CALLBACK_CLIENT_WRITEABLE)
            write(wsi, 1);
        return 0;
    });
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    raw_peer peer = raw_peer::accept(listener, "tracked");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x82\x01x" + bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a close that waits until the client is connected leaves the program its timer, which does not end it") {
    const bool         closes_in_timer = GENERATE(false, true);
    test::host_options options;
    options.how = test::transport::tcp; // whose connection is up before the peer accepts it
    server server(
        [closes_in_timer](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER)
                lws_set_timer_usecs(wsi, LWS_US_PER_MS);
            if (reason == (closes_in_timer ? LWS_CALLBACK_TIMER : LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER))
                s.ws.close(close_code{4001}, "bye");
            if (reason == LWS_CALLBACK_TIMER)
                events.add("timer");
            return 0;
        },
        one_protocol, options);
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    CHECK(events.next() == "timer");
    raw_peer peer = raw_peer::accept(listener, "tracked", options.how);
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("a client connection that fails is reported with the reason why", "[refused]") {
    server server;
    server.host().connect(test::dead_port(), "tracked");
    const std::string report = events.next();
    CHECK(report.find("not connected") == 0);
    CHECK(report.size() > sizeof "not connected (refused): \"\"");
}

TEST_CASE("a client is told why a handshake failed") {
    struct failure {
        const char *answer, *report;
    };
    const auto how = GENERATE(
        failure{"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
                "not connected (upgrade_refused, HTTP 403): \"HS: ws upgrade response not 101\""},
        failure{"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n",
                "not connected (upgrade_refused, HTTP 503, retry after 30 s): \"HS: ws upgrade response not 101\""},
        failure{"HTTP/1.1 503 Service Unavailable\r\n" // longer than any date
                "Retry-After: 000000000000000000000000000000000000000000000000000030\r\nContent-Length: 0\r\n\r\n",
                "not connected (upgrade_refused, HTTP 503): \"HS: ws upgrade response not 101\""},
        failure{"HTTP/1.1 -503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", // its last bits are 521
                "not connected (upgrade_invalid): \"HS: ws upgrade response not 101\""},
        failure{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: tracked\r\n\r\n",
                "not connected (upgrade_invalid): \"HS: Accept hash wrong\""});
    server         server;
    test::listener listener;
    lws_set_log_level(0, nullptr);
    server.host().connect(listener.port(), "tracked");
    raw_peer::answer_http(listener, how.answer);
    CHECK(events.next() == how.report);
}

TEST_CASE("if lws has no words for it, the socket tells why an attempt failed") {
    connection_ref ref;
    server         server([&](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER)
            ref = connection_ref(s.ws);
        return 0;
    });
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    raw_peer peer = raw_peer::accept(listener, "tracked");
    server.host().on_service_thread([&](lws_context *) {
        lws *const wsi = ref.wsi();
        CHECK(detail::examine_attempt(wsi, "words of another version").why == cause::unknown);
        peer.reset();
        CHECK(detail::examine_attempt(wsi, "words of another version").why == cause::reset);
        CHECK(detail::examine_attempt(wsi, "read failed").why == cause::reset);
        CHECK(detail::examine_attempt(wsi, "HS: Accept hash wrong").why == cause::upgrade_invalid);
    });
    events.next();
}

TEST_CASE("a program that rejects the server's answer has dropped the attempt, in whichever callback it does so") {
    const auto     where = GENERATE(LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP, LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH);
    server         server([where = where](session &, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
            events.add("established");
        return reason == where ? -1 : 0;
    });
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    raw_peer          peer  = raw_peer::accept(listener, "tracked");
    const std::string event = events.next();
    if (where == LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP && event == "established") { // lws before 4.2 does not ask there
        peer.reset();
        events.next();
    } else {
        CHECK(event.find("not connected (dropped): ") == 0);
    }
}

TEST_CASE("a client whose server says nothing is told of it in time") {
    test::host_options options;
    options.timeout_s = 1;
    server         server(nullptr, one_protocol, options);
    test::listener listener;
    lws_set_log_level(0, nullptr);
    server.host().connect(listener.port(), "tracked");
    const test::socket_handle silent = listener.accept();
    CHECK(events.next().find("not connected") == 0);
}

TEST_CASE("a client whose TLS fails gets 1015", "[tls]") {
    const auto check_report = [](session &s, lws *, lws_callback_reasons reason, std::string_view) {
        if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
            CAPTURE(s.ws.report().error());
            CHECK(s.ws.report().code() == close_code::tls_handshake);
            CHECK(s.ws.report().initiator() == initiator::transport);
            CHECK_FALSE(s.ws.report().error().empty());
        }
        return 0;
    };
    test::host_options options;
    options.how = test::transport::tls;
    SECTION("because the server does not speak TLS") {
        server         server(check_report, one_protocol, options);
        test::listener listener;
        lws_set_log_level(0, nullptr);
        server.host().connect(listener.port(), "tracked");
        const test::socket_handle peer = listener.accept();
        CHECK(test::send_to(peer.get(), "HTTP/1.1 400\r\n\r\n", 16) == 16);
        CHECK(events.next().find("not connected (tls_") == 0);
    }
    SECTION("because nobody vouches for the server's certificate") {
        options.trusted = nullptr;
        server server(check_report, one_protocol, options);
        lws_set_log_level(0, nullptr);
        server.host().connect(server.host().port(), "tracked");
        CHECK(events.next().find("not connected (tls_") == 0);
    }
}

namespace {

// Connects a client to `first`, which redirects it to `second`.
[[maybe_unused]] void connect_and_redirect(server &server, test::listener &first, test::listener &second,
                                           void *own = nullptr) {
    lws_set_log_level(0, nullptr);
    server.host().connect(first.port(), "tracked", own);
    raw_peer::answer_http(first, std::string("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ")
                                     .append(over_tls ? "https" : "http")
                                     .append("://127.0.0.1:")
                                     .append(std::to_string(second.port()))
                                     .append("/\r\n\r\n"));
}

} // namespace

#if LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 1 // docs/lws-behaviour.md says what 4.0 does
TEST_CASE("a client that is redirected begins anew, and nothing of the first try is left") {
    if (test::event_loop::name() == "glib") {
        WARN("lws aborts by an assertion if a client in GLib's loop is redirected");
        return;
    }
    static connection_ref ref; // to the first try
    SECTION("if the program does not close it") {
        server         server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER && !ref)
                ref = connection_ref(s.ws);
            return 0;
        });
        test::listener first, second;
        connect_and_redirect(server, first, second);
        // Whether the second try succeeds depends on lws; that it is a new one does not.
        const test::socket_handle next = second.accept();
        server.host().stop();
        events.next(0);
        CHECK_FALSE(ref);
    }
    SECTION("if the program closes it during the first try") {
        server         server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
                if (!ref)
                    ref = connection_ref(s.ws);
                s.ws.close(close_code{4001}, "bye");
            }
            return 0;
        });
        test::listener first, second;
        connect_and_redirect(server, first, second);
        CHECK(events.next().find("not connected (dropped") == 0);
        CHECK_FALSE(ref);
    }
}

namespace {

// Behind a pointer. lws frees the pointer when the client is redirected.
std::vector<std::unique_ptr<session>> behind_pointers;
int pointer_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
        behind_pointers.push_back(std::make_unique<session>());
        *static_cast<session **>(user) = behind_pointers.back().get();
    }
    return 0;
}
const lws_protocols pointer_protocols[] = {
    {"tracked", tracked<pointer_callback, &session::ws, session *>, sizeof(session *), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

TEST_CASE("a client that is redirected leaves a session that is the program's to the program") {
    if (test::event_loop::name() == "glib") {
        WARN("lws aborts by an assertion if a client in GLib's loop is redirected");
        return;
    }
    test::listener first, second;
    SECTION("its own, which goes on") {
        static connection_ref ref; // to the first try
        static bool           has_begun;
        has_begun = false;
        server  server([](session &s, lws *, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER && !std::exchange(has_begun, true))
                ref = connection_ref(s.ws);
            return 0;
        });
        session own;
        connect_and_redirect(server, first, second, &own);
        const test::socket_handle next = second.accept();
        server.host().on_service_thread([](lws_context *) { CHECK(ref); });
        server.host().stop();
        events.next(0);
    }
    SECTION("behind a pointer, which has ended") {
        server server(nullptr, pointer_protocols);
        connect_and_redirect(server, first, second);
        const test::socket_handle next = second.accept();
        server.host().on_service_thread([](lws_context *) { CHECK_FALSE(behind_pointers[0]->ws.wsi()); });
        server.host().stop();
        events.next(0);
        behind_pointers.clear();
    }
}
#endif

TEST_CASE("the log says what is wrong if a client fails before lws made its session, unless it makes none",
          "[refused]") {
    const bool          makes_session = GENERATE(true, false);
    const lws_protocols line[]        = {
               {"tracked", tracked<callback, &session::ws>, makes_session ? sizeof(session) : 0, 0, 0, nullptr, 0},
               {nullptr, nullptr, 0, 0, 0, nullptr, 0},
    };
    server         server(nullptr, line);
    const kept_log log(LLL_WARN);
    server.host().on_service_thread([&](lws_context *context) {
        lws_client_connect_info info;
        std::memset(&info, 0, sizeof info);
        info.context = context;
        info.vhost   = server.host().vhost();
        info.address = info.host = info.origin = "127.0.0.1";
        info.path                              = "/";
        info.port                              = test::dead_port();
        info.protocol                          = "not in the table";
        info.ietf_version_or_minus_one         = -1;
        lws_client_connect_via_info(&info);
    });
    server.host().on_service_thread([](lws_context *) {});
    server.host().stop();
    CAPTURE(log.lines());
    CHECK((log.lines().find("set lws_client_connect_info.local_protocol_name") != std::string::npos) == makes_session);
}

TEST_CASE("a client that names no protocol closes and is told why it ends, and the log says what to set") {
    static connection_ref ref;
    server                server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view message) {
        if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
            ref = connection_ref(s.ws);
            events.add("here");
        }
        if (!received(reason))
            return 0;
        if (message == "leave" || message == "keep")
            leave_reason(wsi);
        if (message == "close")
            s.ws.close(close_code{4001}, "bye");
        if (message == "drop")
            lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        return message == "leave" ? -1 : 0;
    });
    const kept_log        log(LLL_WARN);
    test::listener        listener;
    server.host().connect(listener.port(), nullptr);
    raw_peer peer = raw_peer::accept(listener, "");
    CHECK(events.next() == "here");
    SECTION("the program closes") {
        peer.send_text("close");
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    }
    SECTION("the program leaves a reason and returns -1") {
        peer.send_text("leave");
        CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x05\x03\xE9old");
        if (test::event_loop::name() == "glib")
            WARN("in GLib's loop, lws may end it much later");
        else
            CHECK(events.next() == "closed cleanly by us: sent 1001 going_away \"old\", received 1001 \"old\"");
    }
    SECTION("the program leaves a reason, and lws fails the connection") {
        peer.send_text("keep");
        peer.send(peer.frame(0x89, std::string(126, 'x')));       // a ping longer than a control frame may be
        CHECK(peer.read_to_end().bytes == "\x88\x05\x03\xE9old"); // once
        CHECK(test::is_unclean(events.next()));
    }
    SECTION("the program drops it by a timeout") {
        peer.send_text("drop");
        CHECK(peer.read_to_end().bytes.empty());
        CHECK(test::is_unclean(events.next()));
    }
    SECTION("the peer closes") {
        peer.send_close(bye);
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    }
    SECTION("the peer vanishes") {
        peer.reset();
        CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
    }
    SECTION("the peer breaks the protocol") {
        peer.send(reserved_bits);
        CHECK(peer.read_to_end().bytes.empty());
        CHECK(test::is_unclean(events.next()));
    }
    SECTION("the context is destroyed while a close waits") {
        server.host().on_service_thread([](lws_context *) { ref.close(close_frame::fit(close_code{4001}, "bye")); });
        server.host().stop();
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next().find("closed by us, not cleanly: sent 4001 \"bye\", received nothing") == 0);
    }
    server.host().stop();
    if (test::event_loop::name() == "glib")
        events.next(0);
    CAPTURE(log.lines());
    CHECK(log.lines().find("set lws_client_connect_info.local_protocol_name") != std::string::npos);
}

namespace {

// What the program keeps for the protocol, and the session needs when it ends.
struct shared {
    std::string name = "shared";
};
shared the_shared;

struct told {
    connection ws;
    void       on_close(const close_report &report, const environment &where) {
              CHECK(lws_get_vhost_name(where.vhost) != nullptr);
              CHECK(lws_get_vhost_by_name(where.context, lws_get_vhost_name(where.vhost)) == where.vhost);
              events.add(static_cast<shared *>(where.protocol->user)->name + ": " + line_of(report));
    }
};
int told_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == static_cast<lws_callback_reasons>(105)) // LWS_CALLBACK_CONNECTING, since lws 4.2
        events.add(user ? "connecting" : "connecting without a session");
    return 0;
}

int request_callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: events.add("answered"); break;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: events.add(user ? "request over" : "request over, without a session"); break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: events.add(user ? "request failed" : "failed, without a session"); break;
    case LWS_CALLBACK_RAW_CONNECTED: events.add(user ? "raw" : "raw, without a session"); break;
    case LWS_CALLBACK_RAW_CLOSE: events.add(user ? "raw over" : "raw over, without a session"); break;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP: return -1;
    default: break;
    }
    return callback(wsi, reason, user, in, len);
}

const lws_protocols more_protocols[] = {
    {"told", tracked<told_callback, &told::ws>, sizeof(told), 0, 0, &the_shared, 0},
    {"request", tracked<request_callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"own request", tracked<request_callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

void request(lws_context *context, std::uint16_t port, const char *method, session *own = nullptr) {
    lws_client_connect_info info;
    std::memset(&info, 0, sizeof info);
    info.context = context;
    info.address = info.host = info.origin = "127.0.0.1";
    info.path                              = "/";
    info.port                              = port;
    info.method                            = method;
    info.userdata                          = own;
    info.protocol = info.local_protocol_name = own ? "own request" : "request";
    lws_client_connect_via_info(&info);
}

} // namespace

TEST_CASE("on_close reaches what the program keeps for the protocol, even before any other callback", "[refused]") {
    server server(nullptr, more_protocols);
    server.host().connect(test::dead_port(), "told");
    std::string event = events.next();
    while (event == "connecting")
        event = events.next();
    CHECK(event.find("shared: not connected") == 0);
}

TEST_CASE("a client's plain HTTP requests and raw connections on a tracked protocol have a session and no report",
          "[refused]") {
    test::host_options options;
    options.how = test::transport::tcp;
    server         server(nullptr, more_protocols, options);
    test::listener listener;
    constexpr auto ok         = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"sv;
    const auto     request_to = [&](std::uint16_t port, const char *method) {
        server.host().on_service_thread([=](lws_context *context) { request(context, port, method); });
    };
    SECTION("a request that is answered") {
        request_to(listener.port(), "GET");
        raw_peer peer = raw_peer::answer_http(listener, ok, options.how);
        CHECK(events.next() == "answered");
        peer.reset();
        CHECK(events.next() == "request over");
    }
    SECTION("a request in a session of the program's own, which is over with it") {
        session own;
        server.host().on_service_thread([&](lws_context *to) { request(to, listener.port(), "GET", &own); });
        raw_peer peer = raw_peer::answer_http(listener, ok, options.how);
        CHECK(events.next() == "answered");
        peer.reset();
        CHECK(events.next() == "request over");
        server.host().on_service_thread([](lws_context *) {});
        CHECK(own.ws.state() == connection_state::closed);
    }
    SECTION("a request that fails") {
        request_to(test::dead_port(), "GET");
        CHECK(events.next() == "request failed");
    }
    SECTION("a raw connection") {
        request_to(listener.port(), "RAW");
        raw_peer peer = raw_peer::accept_only(listener);
        CHECK(events.next() == "raw");
        peer.reset();
        CHECK(events.next() == "raw over");
    }
}
