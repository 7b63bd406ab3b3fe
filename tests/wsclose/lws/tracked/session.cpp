// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Sessions that lws allocates: which connections have one, and how it is declared.

#include "wsclose/lws/tracked/server.hpp"

#include <chrono>
#include <cstring>
#include <new>
#include <thread>

#ifndef _WIN32
#    include <sys/socket.h>
#    include <unistd.h>
#endif

using namespace tracked_test;

namespace {

// A session that inherits its connection is named to the adapter.
struct base {
    connection ws;
};
struct derived : base {
    std::string name = "constructed";
    void        on_close(const close_report &report) { events.add(name + ": " + line_of(report)); }
};
int derived_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_RECEIVE)
        CHECK(static_cast<derived *>(user)->ws.close(close_code{1006}, "\xFF").adjusted == make_error::forbidden_code);
    return 0;
}

int plain_callback(lws *, lws_callback_reasons reason, void *, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLOSED)
        events.add("plain closed");
    return 0;
}

struct plain_session {
    char bytes[16];
};

int plain_destroyed = 0;

// Programs that treat the session as bare lws asks: its memory is zeroed, and constructed by nobody else.
struct plain_tracked {
    connection     ws;
    connection_ref self; // overwritten too
    int            number = 0;
    ~plain_tracked() { ++plain_destroyed; }
    void on_close(const close_report &report) {
        events.add(line_of(report));
        if (report.lasted() == 0)
            events.add("no time");
    }
};
void (*overwrite)(void *user);
connection_ref reference; // to it as it was before
int            overwriting_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
               auto *s = static_cast<plain_tracked *>(user);
               if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION)
        reference = s->self = connection_ref(s->ws); // the one in the session comes last in the list
    if (reason == LWS_CALLBACK_ESTABLISHED)
        overwrite(user);
    if (reason == LWS_CALLBACK_RECEIVE)
        s->ws.close(close_code{4001}, "bye");
    return 0;
}
int destroying_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLOSED || reason == LWS_CALLBACK_RECEIVE)
        static_cast<session *>(user)->~session();
    return 0;
}

struct silent {
    connection ws;
};
int silent_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLOSED)
        events.add(line_of(static_cast<silent *>(user)->ws.report()));
    return 0;
}

// Given to lws as it is, although the table says that lws gets a pointer to it.
struct misplaced {
    const void *first = this; // what would be read as that pointer
    connection  ws;
};
int misplacing_callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    static misplaced     own;
    lws_callback_reasons when = LWS_CALLBACK_ESTABLISHED;
    if (std::strcmp(lws_get_protocol(wsi)->name, "misplaced-early") == 0)
        when = LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION;
    if (reason == when)
        lws_set_wsi_user(wsi, &own);
    else if (user)
        events.add("it is called with the session");
    return 0;
}

// Raw sockets and files, which a program gives to lws.
[[maybe_unused]] int raw_file = -1;

int raw_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    const auto note = [user](const std::string &what) {
        const bool has_session = user && static_cast<session *>(user)->owned.size() > 15;
        events.add(has_session ? what : what + " without a session");
        return 0;
    };
    [[maybe_unused]] char byte;
    switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_ADOPT_FILE: return note("adopted");
    case LWS_CALLBACK_RAW_RX: return note("received");
#ifndef _WIN32
    case LWS_CALLBACK_RAW_RX_FILE: return ::read(raw_file, &byte, 1) == 1 ? note("received") : -1;
#endif
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_RAW_CLOSE_FILE: return user ? note("closed") : 0; // in libuv's loop, lws says it of files twice
    default: return 0;
    }
}

// The tracked protocol comes first: lws calls it for connections of other protocols, too.
const lws_protocols protocols[] = {
    {"tracked", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"plain", plain_callback, sizeof(plain_session), 0, 0, nullptr, 0},
    {"small", tracked<callback, &session::ws>, sizeof(session) - 1, 0, 0, nullptr, 0},
    {"large", tracked<callback, &session::ws>, sizeof(session) + 1, 0, 0, nullptr, 0},
    {"pointer", tracked<callback, &session::ws>, sizeof(session *), 0, 0, nullptr, 0},
    {"whole", tracked<callback, &session::ws, session *>, sizeof(session), 0, 0, nullptr, 0},
    {"misplaced", tracked<misplacing_callback, &misplaced::ws, misplaced *>, 0, 0, 0, nullptr, 0},
    {"misplaced-early", tracked<misplacing_callback, &misplaced::ws, misplaced *>, 0, 0, 0, nullptr, 0},
    {"overwritten", tracked<overwriting_callback, &plain_tracked::ws>, sizeof(plain_tracked), 0, 0, nullptr, 0},
    {"by-hand", tracked<destroying_callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"raw", tracked<raw_callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"silent", tracked<silent_callback, &silent::ws>, sizeof(silent), 0, 0, nullptr, 0},
    {"none", tracked<callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {"derived", tracked<derived_callback, &derived::ws, derived>, sizeof(derived), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

TEST_CASE("a session may inherit its connection") {
    server   server(nullptr, protocols);
    raw_peer peer = server.connect("derived");
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x05\x03\xF3\xEF\xBF\xBD");
    CHECK(
        events.next() ==
        "constructed: closed cleanly by us: sent 1011 internal_error \"\xEF\xBF\xBD\", received 1011 \"\xEF\xBF\xBD\"");
}

TEST_CASE("a session needs no on_close: its last callback can read the report") {
    server   server(nullptr, protocols);
    raw_peer peer = server.connect("silent");
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("the callback gets a session only while it is constructed, and nothing is logged if all is well") {
    server         server([](session &s, lws *wsi, lws_callback_reasons, std::string_view) {
        if (wsi && lws_wsi_user(wsi) == &s && s.owned.empty()) // over TLS there are others, with an SSL_CTX
            events.add("it is not constructed");
        return 0;
    });
    const kept_log log(LLL_ERR | LLL_WARN);
    test::listener listener;
    server.host().connect(listener.port(), "tracked");
    raw_peer peers[] = {server.connect(), raw_peer::accept(listener, "tracked")};
    for (raw_peer &peer : peers) {
        peer.send_close(bye);
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    }
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("wsclose") == std::string::npos);
}

TEST_CASE("a connection that the program refuses to upgrade has no report and leaks nothing") {
    server server([](session &, lws *, lws_callback_reasons reason, std::string_view) {
        return reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION ? -1 : 0;
    });
    lws_set_log_level(0, nullptr);
    CHECK_THROWS(server.connect());
}

TEST_CASE("plain HTTP on a tracked protocol has no report and leaks nothing") {
    static int requests;
    requests = 0;
    server   server([](session &s, lws *wsi, lws_callback_reasons reason, std::string_view) {
        if (reason != LWS_CALLBACK_HTTP)
            return 0;
        ++requests;
        CHECK(s.ws.state() == connection_state::connecting);
        lws_return_http_status(wsi, HTTP_STATUS_NOT_FOUND, nullptr);
        return lws_http_transaction_completed(wsi);
    });
    raw_peer peer = raw_peer::connect_only(server.host().port());
    peer.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    CHECK(peer.read_head().find("HTTP/1.1 404 ") == 0);
    server.host().on_service_thread([](lws_context *) {}); // let lws bind the next request's session
    CHECK(requests == 1);
}

#ifndef _WIN32 // there, lws adopts neither pairs of sockets nor files
TEST_CASE("a raw socket or file on a tracked protocol has a session and no report") {
    const bool is_socket = GENERATE(true, false);
    CAPTURE(is_socket);
    server server(nullptr, protocols);
    int    ends[2];
    REQUIRE((is_socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : ::pipe(ends)) == 0);
    raw_file = ends[0];
    server.host().on_service_thread([&](lws_context *) {
        lws_sock_file_fd_type given;
        given.filefd = ends[0];
        CHECK(lws_adopt_descriptor_vhost(server.host().vhost(), is_socket ? LWS_ADOPT_SOCKET : LWS_ADOPT_RAW_FILE_DESC,
                                         given, "raw", nullptr));
    });
    CHECK(events.next() == "adopted");
    CHECK(::write(ends[1], "x", 1) == 1);
    CHECK(events.next() == "received");
    ::close(ends[1]);
    CHECK(events.next() == "closed");
}
#endif

TEST_CASE("other protocols' connections are left alone") {
    server server(
        [](session &, lws *, lws_callback_reasons reason, std::string_view) {
            if (reason == LWS_CALLBACK_WSI_DESTROY) // which the first protocol of the table gets, too
                events.add("the session of another protocol");
            return 0;
        },
        protocols);
    const kept_log log(LLL_ERR | LLL_WARN);
    raw_peer       peer = server.connect("plain");
    peer.send_close(bye);
    CHECK(peer.read_frame() == bye_frame);
    peer.reset(); // after 5.0, lws sends its answer again and again
    CHECK(events.next() == "plain closed");
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("wsclose") == std::string::npos);
}

TEST_CASE("what lws gives with a callback of no connection reaches the program", "[tls]") {
    test::host_options options;
    options.how = test::transport::tls;
    server server(
        [](session &, lws *, lws_callback_reasons reason, std::string_view) { // no session: an SSL_CTX
            if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS)
                events.add("certificates");
            return 0;
        },
        one_protocol, options);
    CHECK(events.next() == "certificates");
}

TEST_CASE("a table line that does not fit the session is refused with an error, before the session is read") {
    const auto [protocol, advice] =
        GENERATE(table<const char *, const char *>({{"small", "per_session_data_size is too small"},
                                                    {"large", "tracked<callback, &session::ws, session>"},
                                                    {"pointer", "tracked<callback, &session::ws, session *>"},
                                                    {"whole", "write sizeof(session *)"}}));
    server         server(nullptr, protocols);
    const kept_log log(LLL_ERR);
    CHECK_THROWS_AS(server.connect(protocol), std::runtime_error); // before it is a WebSocket
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find(std::string("wsclose: protocol \"") + protocol + '"') != std::string::npos);
    CHECK(log.lines().find(advice) != std::string::npos);
    CHECK(log.lines().find("wsclose", log.lines().find("wsclose: ") + 1) == std::string::npos); // once
}

TEST_CASE("a connection that has no session once it is established is ended with an error") {
    server         server(nullptr, protocols);
    const kept_log log(LLL_ERR);
    raw_peer       peer = server.connect("none");
    CHECK(peer.read_to_end().end != stream_end::never);
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("wsclose: protocol \"none\": the connection has no session") != std::string::npos);
}

TEST_CASE("a session is not taken for a pointer to one, whenever the program gives it to lws") {
    const auto [protocol, advice] = GENERATE(table<const char *, const char *>(
        {{"misplaced", "the connection has no session"},
         {"misplaced-early", "for a session of your own, tracked<callback, &session::ws>"}}));
    server         server(nullptr, protocols);
    const kept_log log(LLL_ERR);
    try {
        raw_peer peer = server.connect(protocol);
        CHECK(peer.read_to_end().end != stream_end::never);
    } catch (const std::runtime_error &) { // it is refused before it is a WebSocket
    }
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find(advice) != std::string::npos);
}

TEST_CASE("a session that the program constructs or zeroes itself in ESTABLISHED is tracked on, with a warning") {
    static bool zeroes;
    zeroes = GENERATE(false, true);
    server         server(nullptr, protocols);
    const kept_log log(LLL_WARN);
    overwrite = [](void *user) {
        if (zeroes)
            std::memset(user, 0, sizeof(plain_tracked));
        else
            new (user) plain_tracked;
    };
    const int before = plain_destroyed;
    raw_peer  peer   = server.connect("overwritten");
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // a time that the report can tell
    SECTION("the peer closes") {
        peer.send_close(bye);
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    }
    SECTION("the program closes, with the default time to close") {
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    }
    SECTION("the peer vanishes") {
        peer.reset();
        CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
    }
    server.host().on_service_thread([](lws_context *) { CHECK(!reference); });
    CHECK(plain_destroyed == before + 1);
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("wsclose: protocol \"overwritten\": the callback has overwritten the session") !=
          std::string::npos);
}

TEST_CASE("a session that the program constructs and destroys itself is destroyed once") {
    overwrite = nullptr;
    server    server(nullptr, protocols);
    raw_peer  peer   = server.connect("by-hand");
    const int before = destroyed;
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    server.host().on_service_thread([](lws_context *) {});
    CHECK(destroyed == before + 1);
}

TEST_CASE("a session that the program destroys while it is connected is not touched any more, and the log says so") {
    server         server(nullptr, protocols);
    const kept_log log(LLL_ERR);
    raw_peer       peer   = server.connect("by-hand");
    const int      before = destroyed;
    peer.send_text("x");
    CHECK(peer.read_to_end().bytes.empty());
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("the callback has destroyed a session that is connected") != std::string::npos);
    CHECK(destroyed == before + 1);
}
