// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/severity.hpp>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"

using namespace wsclose;

namespace {

void nothing(close_handshake &) {}
void close_1000(close_handshake &h) { h.send(frame<close_code::normal_closure>("bye")); }
template <int Code>
void close(close_handshake &h) {
    h.send(close_frame::fit(close_code{Code}));
}
template <int Code>
void receive(close_handshake &h) {
    const char body[] = {static_cast<char>(Code >> 8), static_cast<char>(Code & 0xFF)};
    h.receive(close_frame::parse({body, sizeof body}));
}
void receive_empty(close_handshake &h) { h.receive(close_frame::parse("")); }
void receive_half_a_code(close_handshake &h) { h.receive(close_frame::parse("\x03")); }
void receive_uncertain(close_handshake &h) { h.receive(close_frame::parse("\x03\xEA"), true); }
void receive_unseen(close_handshake &h) { h.receive_unseen(); }
void lose(close_handshake &h) { h.lose(); }
void fail(close_handshake &h) {
    h.fail(frame<close_code::protocol_error>("rsv bits"));
    h.send();
}
void fail_unsent(close_handshake &h) { h.fail(frame<close_code::protocol_error>("rsv bits")); }
template <cause Why>
void end(close_handshake &h) {
    h.transport_closed(Why);
}
void request(close_handshake &h) { h.request(frame<close_code::normal_closure>()); }
void cannot_connect(close_handshake &h) { h.connect_failed({"connection refused"}); }

using event = void (*)(close_handshake &);

const struct {
    const char *what;
    event       first, then;
    severity    expected;
} endings[] = {
    {"clean, by the peer", receive<1000>, nothing, severity::info},
    {"clean, without a code", receive_empty, nothing, severity::info},
    {"clean, by us", close_1000, receive<1000>, severity::info},
    {"clean, the answer unseen", close_1000, receive_unseen, severity::info},
    {"the page is left", receive<1001>, nothing, severity::info},
    {"the service restarts", receive<1012>, nothing, severity::info},
    {"an application's code", receive<4001>, nothing, severity::info},
    {"lost", nothing, nothing, severity::notice},
    {"reset", end<cause::reset>, nothing, severity::notice},
    {"dropped by the program", end<cause::dropped>, nothing, severity::notice},
    {"a ping that was not answered", end<cause::no_pong>, nothing, severity::notice},
    {"no answer to our Close in time", close_1000, end<cause::no_answer>, severity::notice},
    {"the peer broke the protocol, and no Close could be sent", end<cause::protocol_violation>, nothing,
     severity::warning},
    {"the peer broke the protocol, and our Close is lost", fail_unsent, nothing, severity::warning},
    {"lost before our Close was sent", request, nothing, severity::notice},
    {"no answer to our Close", close_1000, nothing, severity::notice},
    {"our answer is lost", receive<1000>, lose, severity::notice},
    {"overload", close<1013>, receive<1013>, severity::notice},
    {"1002, or another code", receive_uncertain, nothing, severity::notice},
    {"answered with 1002, or another code", close_1000, receive_uncertain, severity::notice},
    {"our program failed, and was answered with 1002, or another code", close<1011>, receive_uncertain,
     severity::warning},
    {"the peer's program failed", receive<1011>, nothing, severity::warning},
    {"the peer complains", receive<1002>, nothing, severity::warning},
    {"the peer complains, and is gone", receive<1002>, lose, severity::warning},
    {"we complain", close<1009>, receive<1009>, severity::warning},
    {"we complain, and get no answer", close<1009>, nothing, severity::warning},
    {"the peer complains when we close", close_1000, receive<1008>, severity::warning},
    {"the peer broke the protocol", fail, nothing, severity::warning},
    {"half a code", receive_half_a_code, nothing, severity::warning},
    {"half a code as the answer", close_1000, receive_half_a_code, severity::warning},
    {"half a code, and gone", receive_half_a_code, lose, severity::warning},
    {"never connected", cannot_connect, nothing, severity::warning},
};

} // namespace

TEST_CASE("an ordinary ending is quiet, a lost connection a notice, and what is wrong a warning") {
    for (const auto &[what, first, then, expected] : endings) {
        CAPTURE(what);
        close_handshake handshake;
        first(handshake);
        then(handshake);
        handshake.transport_closed();
        CHECK(name(severity_of(handshake.report())) == name(expected));
    }
}

TEST_CASE("each of the 65,536 codes has a severity, a warning if it is never on the wire") {
    unsigned warnings = 0, notices = 0, infos = 0;
    for (unsigned value = 0; value <= 65535; ++value) {
        const severity found = severity_of(static_cast<close_code>(value));
        warnings += found == severity::warning;
        notices += found == severity::notice;
        infos += found == severity::info;
    }
    CHECK(infos == 2000 - 3 + 4);                  // 3000 to 4999 without 3000, 3003, 3008; 1000, 1001, 1005, 1012
    CHECK(notices == 5);                           // 1006, 1013, 3000, 3003, 3008
    CHECK(warnings == 65536 - (2000 - 3 + 4) - 5); // the rest
    for (const int value : {1000, 1001, 1005, 1012, 3001, 3999, 4000, 4999})
        CHECK(severity_of(static_cast<close_code>(value)) == severity::info);
    for (const int value : {1006, 1013, 3000, 3003, 3008})
        CHECK(severity_of(static_cast<close_code>(value)) == severity::notice);
    for (const int value :
         {0, 999, 1002, 1003, 1004, 1007, 1008, 1009, 1010, 1011, 1014, 1015, 1016, 2999, 5000, 65535})
        CHECK(severity_of(static_cast<close_code>(value)) == severity::warning);
}

TEST_CASE("severities are numbered and named as in syslog") {
    STATIC_REQUIRE(static_cast<int>(severity::warning) == 4); // RFC 5424 section 6.2.1
    STATIC_REQUIRE(static_cast<int>(severity::notice) == 5);
    STATIC_REQUIRE(static_cast<int>(severity::info) == 6);
    CHECK(name(severity::warning) == "warning");
    CHECK(name(severity::notice) == "notice");
    CHECK(name(severity::info) == "info");
}
