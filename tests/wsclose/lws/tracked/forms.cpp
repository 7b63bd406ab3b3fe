// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Sessions that are not simply in the memory that lws gives to the callback: behind a pointer there, or created by the
// program once the WebSocket is established.

#include <wsclose/lws/close.hpp>
#include <wsclose/lws/connection_list.hpp>
#include <wsclose/lws/timer.hpp>

#include "wsclose/lws/tracked/server.hpp"

#include <cstring>
#include <string>
#include <vector>

using namespace tracked_test;

namespace {

// Behind a pointer, on a server and on a client.
int pointer_callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    auto **slot = static_cast<session **>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED: *slot = new session; break;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE: (*slot)->ws.close(close_code{4001}, "bye"); break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: events.add(*slot ? "failed with a session" : "failed"); break;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED: delete *slot; break; // and leaves a dangling pointer
    default: break;
    }
    return 0;
}
bool forgets = false;

int dropping_pointer_callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    if (reason != LWS_CALLBACK_RECEIVE)
        return reason == LWS_CALLBACK_CLOSED ? 0 : pointer_callback(wsi, reason, user, in, len);
    session *const deleted = *static_cast<session **>(user);
    if (forgets)
        lws_set_wsi_user(wsi, nullptr);
    delete deleted;
    events.add("deleted");
    return 0; // the connection ends all the same
}

// An instance of a class whose callback and connection are members of it. lws gets it in ESTABLISHED.
class instance {
public:
    static lws_protocols line(std::size_t size) {
        return {size == 0 ? "instance" : "replaced", tracked<callback, &instance::ws_>, size, 0, 0, nullptr, 0};
    }
    void on_close(const close_report &report) { events.add(line_of(report)); }

private:
    static int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
        auto *const self = static_cast<instance *>(user);
        switch (reason) {
        case LWS_CALLBACK_ESTABLISHED: lws_set_wsi_user(wsi, new instance); break;
        case LWS_CALLBACK_RECEIVE: self->ws_.close(close_code{4001}, "bye"); break;
        case LWS_CALLBACK_CLOSED: delete self; break;
        default: break;
        }
        return 0;
    }

    connection ws_;
};

// Created in ESTABLISHED, and at once put into a list and given a timer: its connection has not begun.
connection_list list;
struct hasty : session {
    connection_list::entry listed;
    wsclose::timer         soon;
    void                   on_time() { events.add("time"); }
};
int hasty_callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    auto *s = static_cast<hasty *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED)
        lws_set_wsi_user(wsi, s = new hasty);
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_RECEIVE) {
        const bool has_begun = reason == LWS_CALLBACK_RECEIVE;
        CHECK(list.add(s->ws, s->listed) == has_begun);
        CHECK(s->soon.start<&hasty::on_time>(s->ws, 0, *s) == has_begun);
    }
    if (reason == LWS_CALLBACK_CLOSED)
        delete s;
    return 0;
}

// Refused with a reason in the callback that creates the session.
int refusing_callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        lws_set_wsi_user(wsi, new session);
        return wsclose::close(wsi, close_code{4001}, "bye");
    }
    if (reason == LWS_CALLBACK_CLOSED)
        delete static_cast<session *>(user);
    return 0;
}

const lws_protocols protocols[] = {
    {"pointer", tracked<pointer_callback, &session::ws, session *>, sizeof(session *), 0, 0, nullptr, 0},
    {"dropping", tracked<dropping_pointer_callback, &session::ws, session *>, sizeof(session *), 0, 0, nullptr, 0},
    {"hasty", tracked<hasty_callback, &hasty::ws>, 0, 0, 0, nullptr, 0},
    {"refusing", tracked<refusing_callback, &session::ws>, 0, 0, 0, nullptr, 0},
    instance::line(0),
    instance::line(sizeof(instance)),
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

TEST_CASE("a session behind a pointer, or given to lws once it is established, is tracked like any other") {
    const char *const protocol = GENERATE("pointer", "instance", "replaced");
    CAPTURE(protocol);
    server server(nullptr, protocols);
    lws_set_log_level(0, nullptr); // "replaced" is warned of
    SECTION("the program closes") {
        raw_peer peer = server.connect(protocol);
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    }
    SECTION("the peer closes, several at once") {
        std::vector<raw_peer> peers;
        for (int i = 0; i < 5; ++i)
            peers.push_back(server.connect(protocol));
        for (raw_peer &peer : peers)
            peer.send_close(bye);
        for (raw_peer &peer : peers) {
            CHECK(peer.read_to_end().bytes == bye_frame);
            CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
        }
    }
    SECTION("the peer breaks the protocol") {
        raw_peer peer = server.connect(protocol);
        peer.send(reserved_bits);
        CHECK(peer.read_to_end().bytes == "\x88\x0A\x03\xEArsv bits");
        CHECK(events.next() ==
              "closed by the library, not cleanly: sent 1002 protocol_error \"rsv bits\", received nothing");
    }
    SECTION("the peer vanishes, or is there when the context is destroyed") {
        raw_peer peer = server.connect(protocol), other = server.connect(protocol);
        peer.reset();
        CHECK(events.next() == "closed by the transport, not cleanly: 1006 abnormal_closure (reset)");
        server.host().stop();
        CHECK(test::is_unclean(events.next()));
    }
}

TEST_CASE("a client's session may be behind a pointer too", "[refused]") {
    server         server(nullptr, protocols);
    test::listener listener;
    server.host().connect(listener.port(), "pointer");
    raw_peer peer = raw_peer::accept(listener, "pointer");
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
    const kept_log log(LLL_WARN);
    server.host().connect(test::dead_port(), "pointer"); // it has no session yet, so nobody to tell
    CHECK(events.next() == "failed");
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("wsclose") == std::string::npos);
}

TEST_CASE("a session behind a pointer may be deleted at any time, and its connection ends with it") {
    forgets = GENERATE(false, true); // lws' user pointer is taken away, too
    server   server(nullptr, protocols);
    raw_peer peer = server.connect("dropping");
    peer.send(peer.text_frame("a") + peer.text_frame("b") + peer.close_frame(bye));
    CHECK(events.next() == "deleted");
    CHECK(peer.read_to_end().bytes.empty());
}

TEST_CASE(
    "a session that ESTABLISHED creates takes no timer and no place in a list until it returns, and the log says so") {
    server         server(nullptr, protocols);
    const kept_log log(LLL_WARN);
    raw_peer       peer = server.connect("hasty");
    peer.send_text("x");
    CHECK(events.next() == "time");
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("wsclose: no place in a connection_list: the connection has not begun") !=
          std::string::npos);
    CHECK(log.lines().find("wsclose: no timer: the connection has not begun") != std::string::npos);
}

TEST_CASE("the callback that creates a session can close its connection by wsclose::close()") {
    server   server(nullptr, protocols);
    raw_peer peer = server.connect("refusing");
    CHECK(peer.answer_close_and_read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

namespace {

// A session, given to lws before the upgrade and replaced by another in the callback `replaced_in`.
session             *old_session = nullptr;
bool                 deletes_old = false, closes = false;
lws_callback_reasons replaced_in = LWS_CALLBACK_ESTABLISHED;

int replacing_callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION || reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER)
        lws_set_wsi_user(wsi, old_session = new session);
    if (reason == replaced_in && user == old_session) {
        lws_set_wsi_user(wsi, new session);
        if (deletes_old)
            delete old_session;
    }
    if (received(reason) && user != old_session) {
        CHECK(static_cast<session *>(user)->ws.state() == connection_state::open);
        if (closes)
            static_cast<session *>(user)->ws.close(close_code{1010}); // a server sends 1011
    }
    if (reason == LWS_CALLBACK_CLOSED || reason == LWS_CALLBACK_CLIENT_CLOSED)
        delete static_cast<session *>(user);
    return 0;
}

// That of lws, destroyed by the program and replaced.
int swapping_callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        static_cast<session *>(user)->~session();
        lws_set_wsi_user(wsi, new session);
    }
    if (reason == LWS_CALLBACK_CLOSED)
        delete static_cast<session *>(user);
    return 0;
}

// In zeroed memory, which stays when the session is destroyed. lws gets it in the callback `given_in`.
struct zeroed {
    connection ws;
    void       on_close(const close_report &report) { events.add(line_of(report)); }
};
alignas(zeroed) unsigned char memory[sizeof(zeroed)];
zeroed *const        kept     = reinterpret_cast<zeroed *>(memory);
lws_callback_reasons given_in = LWS_CALLBACK_ESTABLISHED;

template <bool IsPointer>
int zeroed_callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == given_in) {
        if constexpr (IsPointer)
            *static_cast<zeroed **>(user) = kept;
        else
            lws_set_wsi_user(wsi, kept);
    }
    if (reason == LWS_CALLBACK_ESTABLISHED)
        events.add("established");
    if (received(reason))
        kept->ws.close(close_code{1010}, "bye"); // a server sends 1011
    if (reason == LWS_CALLBACK_CLOSED)
        events.add(IsPointer && (!user || !*static_cast<zeroed **>(user)) ? "closed without a session" : "closed");
    return 0;
}

// That of lws, which lws frees as it gets another, or none at the end.
connection_ref       reference;
lws_callback_reasons freed_in = LWS_CALLBACK_ESTABLISHED;

int freeing_callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION)
        reference = connection_ref(static_cast<zeroed *>(user)->ws);
    if (reason == freed_in)
        lws_set_wsi_user(wsi, freed_in == LWS_CALLBACK_ESTABLISHED ? kept : nullptr);
    return 0;
}

const lws_protocols more_protocols[] = {
    {"zeroed", tracked<zeroed_callback<false>, &zeroed::ws>, 0, 0, 0, nullptr, 0},
    {"zeroed-pointer", tracked<zeroed_callback<true>, &zeroed::ws, zeroed *>, sizeof(zeroed *), 0, 0, nullptr, 0},
    {"swapping", tracked<swapping_callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"freeing", tracked<freeing_callback, &zeroed::ws>, sizeof(zeroed), 0, 0, nullptr, 0},
    {"replacing", tracked<replacing_callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

TEST_CASE("a session may be replaced by another, which takes over the connection") {
    closes      = false;
    deletes_old = GENERATE(false, true);
    replaced_in = GENERATE(LWS_CALLBACK_ESTABLISHED, LWS_CALLBACK_RECEIVE, LWS_CALLBACK_WS_PEER_INITIATED_CLOSE);
    CAPTURE(static_cast<int>(replaced_in));
    server server(nullptr, more_protocols);
    {
        raw_peer peer = server.connect("replacing");
        peer.send(peer.text_frame("a") + peer.text_frame("b") + peer.close_frame(bye));
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    }
    if (!deletes_old)
        server.host().on_service_thread([](lws_context *) {
            CHECK(old_session->ws.wsi() == nullptr);
            CHECK(old_session->ws.close(close_code{4001}).error == close_error::not_connected);
            delete old_session;
        });
}

TEST_CASE("the session of a client may be replaced too") {
    closes      = false;
    deletes_old = true;
    replaced_in = LWS_CALLBACK_CLIENT_ESTABLISHED;
    server         server(nullptr, more_protocols);
    test::listener listener;
    server.host().connect(listener.port(), "replacing");
    raw_peer peer = raw_peer::accept(listener, "replacing");
    peer.send(peer.close_frame(bye));
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
}

TEST_CASE("a session that replaces another closes in the role of that one") {
    closes = deletes_old = true;
    server         server(nullptr, more_protocols);
    test::listener listener;
    SECTION("a server") {
        replaced_in   = LWS_CALLBACK_ESTABLISHED;
        raw_peer peer = server.connect("replacing");
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x02\x03\xF3");
        CHECK(events.next() == "closed cleanly by us: sent 1011 internal_error, received 1011");
    }
    SECTION("a client") {
        replaced_in = LWS_CALLBACK_CLIENT_ESTABLISHED;
        server.host().connect(listener.port(), "replacing");
        raw_peer peer = raw_peer::accept(listener, "replacing");
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x02\x03\xF2");
        CHECK(events.next() == "closed cleanly by us: sent 1010 mandatory_extension, received 1010");
    }
}

TEST_CASE(
    "if the program destroys the session of lws and gives it another, the connection ends, and that one is told") {
    server server(nullptr, more_protocols);
    lws_set_log_level(0, nullptr);
    raw_peer peer = server.connect("swapping");
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(test::is_unclean(events.next()));
}

TEST_CASE("a session that lws frees under the program's feet is not touched any more, and references to it are empty") {
    std::memset(memory, 0, sizeof memory);
    freed_in = GENERATE(LWS_CALLBACK_ESTABLISHED, LWS_CALLBACK_CLOSED);
    CAPTURE(static_cast<int>(freed_in));
    server         server(nullptr, more_protocols);
    const kept_log log(LLL_WARN);
    raw_peer       peer = server.connect("freeing");
    peer.send_close(bye);
    peer.read_to_end();
    CHECK(!events.next().empty());
    server.host().on_service_thread([](lws_context *) { CHECK(!reference); });
    server.host().stop();
    CAPTURE(log.lines());
    CHECK(log.lines().find("the callback has replaced the session") != std::string::npos);
}

TEST_CASE("a program is warned if it replaces the session of lws, and only then") {
    const char *const protocol = GENERATE("pointer", "instance", "replaced");
    CAPTURE(protocol);
    server         server(nullptr, protocols);
    const kept_log log(LLL_WARN);
    raw_peer       peer = server.connect(protocol);
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes == bye_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"");
    server.host().stop();
    CAPTURE(log.lines());
    CHECK((log.lines().find("the callback has replaced the session") != std::string::npos) ==
          (std::string(protocol) == "replaced"));
}

TEST_CASE("a session that is given to lws before its connection begins is tracked from there, in its role") {
    std::memset(memory, 0, sizeof memory);
    given_in = LWS_CALLBACK_HTTP_CONFIRM_UPGRADE; // lws calls the first protocol of the table
    server   server(nullptr, more_protocols);
    raw_peer peer = server.connect("zeroed");
    CHECK(events.next() == "established");
    peer.send_text("x");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x05\x03\xF3"
                                                       "bye");
    CHECK(events.next() == "closed cleanly by us: sent 1011 internal_error \"bye\", received 1011 \"bye\"");
    CHECK(events.next() == "closed");
}

TEST_CASE("a client's session behind a pointer may be there before its connection begins") {
    std::memset(memory, 0, sizeof memory);
    given_in = LWS_CALLBACK_CLIENT_HTTP_BIND_PROTOCOL;
    server         server(nullptr, more_protocols);
    test::listener listener;
    server.host().connect(listener.port(), "zeroed-pointer");
    raw_peer peer = raw_peer::accept(listener, "zeroed-pointer");
    SECTION("and close") {
        peer.send_text("x");
        CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x05\x03\xF2"
                                                           "bye");
        CHECK(events.next().find("closed cleanly by us: sent 1010 ") == 0);
    }
    SECTION("and be destroyed, which makes the pointer null") {
        server.host().on_service_thread([](lws_context *) {
            lws *const wsi = kept->ws.wsi();
            kept->~zeroed();
            CHECK(*static_cast<zeroed **>(lws_wsi_user(wsi)) == nullptr);
        });
        CHECK(peer.read_to_end().bytes.empty());
    }
}

TEST_CASE("a session behind a pointer may be destroyed once lws has lost the pointer") {
    std::memset(memory, 0, sizeof memory);
    given_in = LWS_CALLBACK_ESTABLISHED;
    server   server(nullptr, more_protocols);
    raw_peer peer = server.connect("zeroed-pointer");
    CHECK(events.next() == "established");
    server.host().on_service_thread([](lws_context *) {
        lws_set_wsi_user(kept->ws.wsi(), nullptr);
        kept->~zeroed();
    });
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == "closed without a session");
}

TEST_CASE("a session that is destroyed while it is connected is not given to the callback again") {
    const bool is_pointer = GENERATE(false, true);
    CAPTURE(is_pointer);
    std::memset(memory, 0, sizeof memory);
    given_in = LWS_CALLBACK_ESTABLISHED;
    server            server(nullptr, more_protocols);
    const char *const protocol = is_pointer ? "zeroed-pointer" : "zeroed";
    raw_peer          peer     = server.connect(protocol);
    CHECK(events.next() == "established");
    server.host().on_service_thread([&](lws_context *) {
        lws *const wsi = kept->ws.wsi();
        kept->~zeroed();
        if (is_pointer)
            CHECK(lws_get_protocol(wsi)->callback(wsi, LWS_CALLBACK_RECEIVE, lws_wsi_user(wsi), nullptr, 0) != 0);
    });
    CHECK(peer.read_to_end().bytes.empty());
    if (is_pointer) // the pointer is null
        CHECK(events.next() == "closed without a session");
}
