// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The lean form: the same promises, with codes and no texts.

#include <wsclose/lws.hpp>

#include <cstddef>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

#include "support/catch.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using test::raw_peer;

namespace {

test::event_log       events;
lean_connection_list *everyone = nullptr;

std::string text(const close_report &report) { return std::string(text_line(report).view()); }

struct session;
std::function<int(session &, lws *, lws_callback_reasons)> behaviour; // of a test

struct session {
    lean_connection             close;
    lean_connection_ref         self;
    lean_connection_list::entry listed;
    timer                       later;

    void give_up() { self.close(close_code{4003}); }
    void on_close(const close_report &report) { events.add((self ? "referred to, " : "") + text(report)); }
};

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        s->self = lean_connection_ref(s->close);
        if (everyone)
            everyone->add(s->close, s->listed);
        events.add("here");
    }
    return s && behaviour ? behaviour(*s, wsi, reason) : 0;
}

const lws_protocols protocols[] = {
    {"lean", tracked<callback, &session::close>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// What the session does when data comes.
void on_receive(std::function<int(session &, lws *)> act) {
    behaviour = [act = std::move(act)](session &s, lws *wsi, lws_callback_reasons reason) {
        return reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_CLIENT_RECEIVE ? act(s, wsi) : 0;
    };
}

raw_peer connect(const test::lws_host &host) {
    raw_peer peer = raw_peer::connect(host.port(), "lean");
    CHECK(events.next() == "here");
    return peer;
}

} // namespace

TEST_CASE("a lean connection takes at most 32 bytes and asks for no more alignment than malloc gives") {
    static_assert(sizeof(lean_connection) <= 32);
    static_assert(alignof(lean_connection) <= alignof(void *));
    static_assert(std::is_standard_layout_v<lean_connection> && std::is_standard_layout_v<connection>); // for offsetof
    SUCCEED();
}

TEST_CASE("a lean connection closes with a code alone, and reports it") {
    test::lws_host host(protocols);
    on_receive([](session &s, lws *) {
        CHECK(s.close.start(close_code{4001}, "a text that it does not keep"));
        CHECK(s.close.start(close_code{4002}).error == start_error::already_closing);
        return 0;
    });
    raw_peer peer = connect(host);
    peer.send_text("go");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x02\x0F\xA1"sv);
    CHECK(events.next() == "closed cleanly by local: 4001");
}

TEST_CASE("a lean connection answers a peer's Close frame with its code, and a bad one with 1002 or 1007") {
    test::lws_host host(protocols);
    behaviour = nullptr;
    struct {
        std::string_view body, answer, report;
    } const cases[] = {
        {"\x0F\xA1"
         "bye"sv,
         "\x88\x02\x0F\xA1"sv, "closed cleanly by peer: 4001"},
        {""sv, "\x88\x00"sv, "closed cleanly by peer: 1005 no_status_received"},
        {"\x03"sv, "\x88\x02\x03\xEA"sv, "closed, not cleanly, by peer: truncated_code; answered 1002 protocol_error"},
        {"\x03\xE8\xFF"sv, "\x88\x02\x03\xEF"sv,
         "closed, not cleanly, by peer: invalid_utf8; answered 1007 invalid_payload"},
    };
    for (const auto &c : cases) {
        raw_peer peer = connect(host);
        peer.send_close(c.body);
        CHECK(peer.read_to_end().bytes == c.answer);
        CHECK(events.next() == c.report);
    }
}

TEST_CASE("references, lists and timers work with lean connections, and end with them") {
    test::lws_host       host(protocols);
    lean_connection_list list;
    everyone       = &list;
    behaviour      = nullptr;
    raw_peer first = connect(host), second = connect(host), third = connect(host);
    third.reset();
    CHECK(events.next() == "closed, not cleanly, by transport: 1006 abnormal_closure");
    host.on_service_thread([&](lws_context *) {
        list.for_each([](lean_connection &c) { CHECK(lean_connection_ref(c).request_writable()); });
        CHECK(list.close_all(close_code::going_away, "bye") == 2);
    });
    CHECK(first.answer_close_and_read_to_end().bytes == "\x88\x02\x03\xE9"sv);
    CHECK(second.answer_close_and_read_to_end().bytes == "\x88\x02\x03\xE9"sv);
    CHECK(events.next() == "closed cleanly by local: 1001 going_away");
    CHECK(events.next() == "closed cleanly by local: 1001 going_away");
    host.on_service_thread([&](lws_context *) { CHECK(list.empty()); });
    everyone = nullptr;

    on_receive([](session &s, lws *) {
        CHECK(s.later.start<&session::give_up>(s.close, 1, s));
        return 0;
    });
    raw_peer fourth = connect(host);
    fourth.send_text("go");
    CHECK(fourth.answer_close_and_read_to_end().bytes == "\x88\x02\x0F\xA3"sv);
    CHECK(events.next() == "closed cleanly by local: 4003");
}

TEST_CASE("a reason left with lws is sent as it is, and a lean connection reports its code") {
    test::lws_host host(protocols);
    on_receive([](session &, lws *wsi) {
        unsigned char reason[] = "kept by lws";
        lws_close_reason(wsi, static_cast<lws_close_status>(4005), reason, sizeof reason - 1);
        return -1;
    });
    raw_peer peer = connect(host);
    peer.send_text("go");
    CHECK(peer.answer_close_and_read_to_end().bytes == "\x88\x0D\x0F\xA5"
                                                       "kept by lws"sv);
    CHECK(events.next().find("closed cleanly") == 0);
}

TEST_CASE("a lean client says that its connection failed, but not why") {
    test::lws_host host(protocols);
    behaviour = nullptr;
    host.connect(test::dead_port(), "lean");
    CHECK(events.next() == "not connected: \"the connection failed\"");
}

TEST_CASE("a lean report tells all but the texts, and becomes a report") {
    lean_close_handshake lean;
    CHECK(lean.request(frame<close_code::going_away>("bye")));
    lean.send(*lean.requested());
    lean.receive(close_frame::parse("\x03\xE8"
                                    "well"sv));
    lean.transport_closed();
    CHECK(lean.report().code() == close_code::going_away);
    CHECK(lean.report().reason().empty());
    CHECK(*lean.report().received() == frame<close_code::normal_closure>("well"));
    CHECK(frame<close_code::going_away>() == *lean.report().sent());
    CHECK(*lean.report().received() != *lean.report().sent());
    CHECK(*lean.report().received() != frame<close_code::going_away>());
    CHECK(frame<close_code::going_away>() != *lean.report().received());
    std::ostringstream stream;
    stream << lean.report();
    CHECK(stream.str() == "closed cleanly by local: 1001 going_away; answered 1000 normal_closure");

    const close_report report = lean.report();
    CHECK(report.clean());
    CHECK(report.initiator() == initiator::local);
    CHECK(*report.sent() == frame<close_code::going_away>());
    CHECK(*report.received() == frame<close_code::normal_closure>());
}
