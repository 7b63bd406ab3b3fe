// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/format.hpp>

#include <iomanip>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"
#include "support/written.hpp"

using namespace wsclose;
using test::json;
using test::text;

namespace {

close_report peer_closed_with(std::string_view body) {
    close_handshake handshake;
    handshake.receive(close_frame::parse(body));
    handshake.transport_closed();
    return handshake.report();
}

// What happens to a connection, in order.
void request(close_handshake &h) { h.request(close_frame::fit(close_code::going_away, "bye")); }
void send(close_handshake &h) { h.send(close_frame::fit(close_code::going_away, "bye")); }
void send_a_protocol_error(close_handshake &h) { h.send(frame<close_code::protocol_error>("mine")); }
void send_an_empty_frame(close_handshake &h) { h.send(close_frame()); }
void fail(close_handshake &h) { h.fail(frame<close_code::protocol_error>("rsv bits")); }
void receive_the_same(close_handshake &h) {
    h.receive(close_frame::parse("\x03\xE9"
                                 "bye"));
}
void receive_no_text(close_handshake &h) { h.receive(close_frame::parse("\x03\xE9")); }
void receive_another(close_handshake &h) {
    h.receive(close_frame::parse("\x03\xE8"
                                 "yours"));
}
void receive_private(close_handshake &h) {
    h.receive(close_frame::parse("\x0F\xA1"
                                 "kicked"));
}
void receive_empty(close_handshake &h) { h.receive(close_frame::parse("")); }
void receive_half_a_code(close_handshake &h) { h.receive(close_frame::parse("\x03")); }
void receive_bad_utf8(close_handshake &h) { h.receive(close_frame::parse("\x03\xE8\xFF")); }
void receive_bad_code(close_handshake &h) { h.receive(close_frame::parse("\x03\xEE")); }
void receive_too_long(close_handshake &h) { h.receive(close_frame::parse(std::string(126, 'x'))); }
void receive_uncertain(close_handshake &h) {
    h.receive(close_frame::parse("\x03\xEA"
                                 "why"),
              true);
}
void receive_unseen(close_handshake &h) { h.receive_unseen(); }
void lose(close_handshake &h) { h.lose(); }
void program_drops(close_handshake &h) { h.transport_closed(cause::dropped); }
void stack_drops(close_handshake &h) { h.transport_closed(cause::library); }
void peer_drops(close_handshake &h) { h.transport_closed(cause::reset); }
void cannot_connect(close_handshake &h) { h.connect_failed({"connection refused", cause::refused}); }
void cannot_trust(close_handshake &h) { h.connect_failed({"not trusted", cause::tls_untrusted}); }

using event = void (*)(close_handshake &);

// Every combination of who ended a connection, what was sent, and what was received.
const struct {
    std::vector<event> events;
    const char        *line;
} lines[] = {
    // us
    {{program_drops}, R"(closed by us, not cleanly: 1006 abnormal_closure (dropped))"},
    {{request}, R"(closed by us, not cleanly: 1006 abnormal_closure)"},
    {{request, receive_unseen}, R"(closed by us, not cleanly: 1006 abnormal_closure)"},
    {{send, lose}, R"(closed by us, not cleanly: 1006 abnormal_closure)"},
    {{send}, R"(closed by us, not cleanly: sent 1001 going_away "bye", received nothing)"},
    {{send, receive_the_same}, R"(closed cleanly by us: sent 1001 going_away "bye", received 1001 "bye")"},
    {{send, receive_no_text}, R"(closed cleanly by us: sent 1001 going_away "bye", received 1001)"},
    {{send, receive_another},
     R"(closed cleanly by us: sent 1001 going_away "bye", received 1000 normal_closure "yours")"},
    {{send, receive_private}, R"(closed cleanly by us: sent 1001 going_away "bye", received 4001 "kicked")"},
    {{send, receive_empty}, R"(closed cleanly by us: sent 1001 going_away "bye", received 1005 no_status_received)"},
    {{send_an_empty_frame, receive_empty}, R"(closed cleanly by us: sent 1005 no_status_received, received 1005)"},
    {{send, receive_unseen},
     R"(closed cleanly by us: sent 1001 going_away "bye", received an answer that was not seen)"},
    {{send, receive_half_a_code},
     R"(closed by us, not cleanly: sent 1001 going_away "bye", received an invalid frame (truncated_code))"},
    {{send, receive_uncertain},
     R"(closed by us: sent 1001 going_away "bye", received 1002 protocol_error (or another code) "why")"},
    {{send_a_protocol_error, receive_uncertain},
     R"(closed by us: sent 1002 protocol_error "mine", received 1002 (or another code) "why")"},
    {{send, receive_the_same, lose}, R"(closed by us, not cleanly: sent nothing, received 1001 going_away "bye")"},
    {{send, receive_half_a_code, lose},
     R"(closed by us, not cleanly: sent nothing, received an invalid frame (truncated_code))"},
    {{send, receive_uncertain, lose},
     R"(closed by us, not cleanly: sent nothing, received 1002 protocol_error (or another code) "why")"},

    // the peer
    {{peer_drops}, R"(closed by the transport, not cleanly: 1006 abnormal_closure (reset))"},
    {{receive_unseen}, R"(closed by the peer, not cleanly: 1006 abnormal_closure)"},
    {{receive_the_same}, R"(closed cleanly by the peer: received 1001 going_away "bye", sent 1001 "bye")"},
    {{receive_private}, R"(closed cleanly by the peer: received 4001 "kicked", sent 4001 "kicked")"},
    {{receive_empty}, R"(closed cleanly by the peer: received 1005 no_status_received, sent 1005)"},
    {{request, receive_another},
     R"(closed cleanly by the peer: received 1000 normal_closure "yours", sent 1001 going_away "bye")"},
    {{fail, receive_another},
     R"(closed cleanly by the peer: received 1000 normal_closure "yours", sent 1002 protocol_error "rsv bits")"},
    {{receive_the_same, lose}, R"(closed by the peer, not cleanly: received 1001 going_away "bye", sent nothing)"},
    {{receive_half_a_code},
     R"(closed by the peer, not cleanly: received an invalid frame (truncated_code), )"
     R"(sent 1002 protocol_error "Close frame with half a code")"},
    {{receive_bad_code},
     R"(closed by the peer, not cleanly: received an invalid frame (forbidden_code), )"
     R"(sent 1002 protocol_error "Close frame with a forbidden code")"},
    {{receive_bad_utf8},
     R"(closed by the peer, not cleanly: received an invalid frame (invalid_utf8), )"
     R"(sent 1007 invalid_payload "Close frame with text that is not UTF-8")"},
    {{receive_too_long},
     R"(closed by the peer, not cleanly: received an invalid frame (too_long), )"
     R"(sent 1002 protocol_error "Close frame with more than 125 bytes")"},
    {{receive_half_a_code, lose},
     R"(closed by the peer, not cleanly: received an invalid frame (truncated_code), sent nothing)"},
    {{receive_uncertain},
     R"(closed by the peer: received 1002 protocol_error (or another code) "why", sent 1002 "why")"},
    {{request, receive_uncertain},
     R"(closed by the peer: received 1002 protocol_error (or another code) "why", sent 1001 going_away "bye")"},
    {{receive_uncertain, lose},
     R"(closed by the peer, not cleanly: received 1002 protocol_error (or another code) "why", sent nothing)"},

    // our own stack
    {{stack_drops}, R"(closed by the library, not cleanly: 1006 abnormal_closure)"},
    {{fail}, R"(closed by the library, not cleanly: 1006 abnormal_closure (protocol_violation))"},
    {{fail, receive_unseen}, R"(closed by the library, not cleanly: 1006 abnormal_closure (protocol_violation))"},
    {{fail, send}, R"(closed by the library, not cleanly: sent 1002 protocol_error "rsv bits", received nothing)"},
    {{fail, send, receive_another},
     R"(closed cleanly by the library: sent 1002 protocol_error "rsv bits", received 1000 normal_closure "yours")"},
    {{fail, send, receive_unseen},
     R"(closed cleanly by the library: sent 1002 protocol_error "rsv bits", received an answer that was not seen)"},
    {{fail, send, receive_half_a_code},
     R"(closed by the library, not cleanly: sent 1002 protocol_error "rsv bits", )"
     R"(received an invalid frame (truncated_code))"},
    {{fail, send, receive_uncertain},
     R"(closed by the library: sent 1002 protocol_error "rsv bits", )"
     R"(received 1002 (or another code) "why")"},
    {{fail, send, receive_another, lose},
     R"(closed by the library, not cleanly: sent nothing, received 1000 normal_closure "yours")"},
    {{fail, send, receive_half_a_code, lose},
     R"(closed by the library, not cleanly: sent nothing, received an invalid frame (truncated_code))"},
    {{fail, send, receive_uncertain, lose},
     R"(closed by the library, not cleanly: sent nothing, received 1002 protocol_error (or another code) "why")"},

    // nobody
    {{}, R"(closed by the transport, not cleanly: 1006 abnormal_closure)"},
    {{cannot_connect}, R"(not connected (refused): "connection refused")"},
    {{request, cannot_connect}, R"(not connected (refused): "connection refused")"},
    {{cannot_trust}, R"(not connected (tls_untrusted): "not trusted")"},
};

// Counts the writes that a stream makes into its buffer.
struct counting_buffer : std::stringbuf {
    unsigned writes = 0;

    std::streamsize xsputn(const char *text, std::streamsize size) override {
        ++writes;
        return std::stringbuf::xsputn(text, size);
    }
};

} // namespace

TEST_CASE("a code or a frame is a number, its name if it has one, and the text in quotes") {
    CHECK(text(close_code::going_away) == "1001 going_away");
    CHECK(text(close_code{4001}) == "4001");
    CHECK(text(close_code{0}) == "0");
    CHECK(text(close_code{65535}) == "65535");
    CHECK(text(close_frame()) == "1005 no_status_received");
    CHECK(text(close_frame::fit(close_code::normal_closure, "bye")) == "1000 normal_closure \"bye\"");
}

TEST_CASE("a report is one line that says who ended the connection, whether cleanly, and what went which way") {
    for (const auto &[events, line] : lines) {
        close_handshake handshake;
        for (const event happen : events)
            happen(handshake);
        handshake.transport_closed();
        CHECK(text(handshake.report()) == line);
    }
}

TEST_CASE("a line says for how many seconds a connection was open, if it was at least one") {
    close_handshake handshake;
    handshake.established(5000);
    SECTION("less") {
        handshake.transport_closed(cause::fin, 5999);
        CHECK(text(handshake.report()) == "closed by the transport, not cleanly: 1006 abnormal_closure (fin)");
    }
    SECTION("more") {
        handshake.send(frame<close_code::going_away>("bye"));
        handshake.transport_closed(cause::no_answer, 17000);
        CHECK(text(handshake.report()) ==
              "closed by us, not cleanly: sent 1001 going_away \"bye\", received nothing (no_answer) after 12 s");
    }
}

TEST_CASE("a line says how a server refused, and when it asks to come back") {
    close_handshake handshake;
    handshake.connect_failed({"not 101", cause::upgrade_refused, 503, 120});
    CHECK(text(handshake.report()) == "not connected (upgrade_refused, HTTP 503, retry after 120 s): \"not 101\"");
    close_handshake forbidden;
    forbidden.connect_failed({"not 101", cause::upgrade_refused, 403});
    CHECK(text(forbidden.report()) == "not connected (upgrade_refused, HTTP 403): \"not 101\"");
    close_handshake odd;
    odd.connect_failed({"odd"});
    CHECK(text(odd.report()) == "not connected: \"odd\"");
}

TEST_CASE("a stream gets a line in one write") {
    counting_buffer buffer;
    std::ostream    stream(&buffer);
    stream << peer_closed_with("\x03\xE8"
                               "bye");
    CHECK(buffer.str() == "closed cleanly by the peer: received 1000 normal_closure \"bye\", sent 1000 \"bye\"");
    CHECK(buffer.writes == 1);
}

TEST_CASE("a line is padded as the stream says") {
    std::ostringstream stream;
    stream << std::setw(18) << close_code::going_away << '|';
    stream << std::setw(18) << std::left << std::setfill('.') << close_code::going_away << '|';
    stream << std::setw(5) << close_code::going_away << '|';
    stream << close_code::going_away;
    CHECK(stream.str() == "   1001 going_away|1001 going_away...|1001 going_away|1001 going_away");
}

TEST_CASE("a report is one JSON object") {
    CHECK(
        json(peer_closed_with("\x03\xE8"
                              "bye")) ==
        R"({"code":1000,"reason":"bye","clean":true,"initiator":"peer","cause":"handshake","received":{"code":1000,"reason":"bye"},)"
        R"("sent":{"code":1000,"reason":"bye"},"violation":null,"lasted_ms":0})");
    CHECK(
        json(peer_closed_with("\x03")) ==
        R"({"code":1002,"reason":"Close frame with half a code","clean":false,"initiator":"peer","cause":"protocol_violation","received":null,)"
        R"("sent":{"code":1002,"reason":"Close frame with half a code"},"violation":"truncated_code","lasted_ms":0})");
    close_handshake uncertain;
    uncertain.receive(close_frame::parse("\x03\xEA"), true);
    CHECK(
        json(uncertain.report()) ==
        R"({"code":1002,"reason":"","clean":false,"initiator":"peer","cause":"handshake","received":{"code":1002,"reason":""},)"
        R"("sent":{"code":1002,"reason":""},"violation":null,"code_uncertain":true,"lasted_ms":0})");
    close_handshake inferred;
    inferred.send(close_frame::fit(close_code{4001}, "kicked"));
    inferred.receive_unseen();
    CHECK(json(inferred.report()) ==
          R"({"code":4001,"reason":"kicked","clean":true,"initiator":"local","cause":"handshake","received":null,)"
          R"("sent":{"code":4001,"reason":"kicked"},"violation":null,"inferred":true,"lasted_ms":0})");
    close_handshake refused;
    refused.connect_failed({"connection refused"});
    CHECK(json(refused.report()) ==
          R"({"code":1006,"reason":"","clean":false,"initiator":"transport","cause":"unknown","received":null,)"
          R"("sent":null,"violation":null,"error":"connection refused"})");
    close_handshake lost; // the clock has run for longer than 32 bits of milliseconds hold
    lost.established(0x123456789A);
    lost.transport_closed(cause::lost, 0x123456789A + 12345);
    CHECK(json(lost.report()) ==
          R"({"code":1006,"reason":"","clean":false,"initiator":"transport","cause":"lost","received":null,)"
          R"("sent":null,"violation":null,"lasted_ms":12340})");
    close_handshake unavailable;
    unavailable.connect_failed({"not 101", cause::upgrade_refused, 503, 120});
    CHECK(json(unavailable.report()) ==
          R"({"code":1006,"reason":"","clean":false,"initiator":"transport","cause":"upgrade_refused","received":null,)"
          R"("sent":null,"violation":null,"error":"not 101","http_status":503,"retry_after":120})");
    CHECK(json(close_frame()) == R"({"code":1005,"reason":""})");
}

TEST_CASE("nothing that a peer writes can break a line or look like another one") {
    struct {
        const char *reason, *escaped;
    } const cases[] = {
        {"a\nb", R"("a\u000ab")"},
        {"a\r\nb", R"("a\u000d\u000ab")"},
        {"\x1B[31mred", R"("\u001b[31mred")"},
        {"\x7F", R"("\u007f")"},
        {"\xC2\x85", R"("\u0085")"},     // next line
        {"\xC2\x9B", R"("\u009b")"},     // control sequence introducer
        {"\xE2\x80\xA8", R"("\u2028")"}, // line separator
        {"\xE2\x80\xA9", R"("\u2029")"}, // paragraph separator
        {"\xD8\x9C", R"("\u061c")"},     // Arabic letter mark
        {"\xE2\x80\x8E", R"("\u200e")"}, // left-to-right mark
        {"\xE2\x80\x8F", R"("\u200f")"}, // right-to-left mark
        {"\xE2\x80\xAA", R"("\u202a")"}, // left-to-right embedding
        {"\xE2\x80\xAE", R"("\u202e")"}, // right-to-left override
        {"\xE2\x81\xA6", R"("\u2066")"}, // left-to-right isolate
        {"\xE2\x81\xA9", R"("\u2069")"}, // pop directional isolate
        {"\" \\", R"("\" \\")"},
        {"gr\xC3\xBC\xC3\x9F \xE6\x97\xA5 \xF0\x9F\x98\x80", "\"gr\xC3\xBC\xC3\x9F \xE6\x97\xA5 \xF0\x9F\x98\x80\""},
    };
    for (const auto &[reason, escaped] : cases) {
        CAPTURE(escaped);
        const close_frame frame = close_frame::fit(close_code{4000}, reason);
        CHECK(text(frame) == std::string("4000 ") + escaped);
        CHECK(json(frame) == std::string(R"({"code":4000,"reason":)") + escaped + "}");
    }
    CHECK(text(close_frame::fit(close_code{4000}, std::string_view("\0", 1))) == R"(4000 "\u0000")");
}

TEST_CASE("of the code points that are invisible or deceive the eye, all are escaped, and none beside them is") {
    struct {
        const char *inside, *escaped, *beside;
    } const ranges[] = {
        // first and last of each range, and the code points before and after it
        {"\x01\x1F", R"(\u0001\u001f)", " "},
        {"\x7F\xC2\x9F", R"(\u007f\u009f)", "~\xC2\xA0"},
        {"\xC2\xAD", R"(\u00ad)", "\xC2\xAC\xC2\xAE"},
        {"\xCD\x8F", R"(\u034f)", "\xCD\x8E\xCD\x90"},
        {"\xD8\x9C", R"(\u061c)", "\xD8\x9B\xD8\x9D"},
        {"\xE1\x85\x9F\xE1\x85\xA0", R"(\u115f\u1160)", "\xE1\x85\x9E\xE1\x85\xA1"},
        {"\xE1\x9E\xB4\xE1\x9E\xB5", R"(\u17b4\u17b5)", "\xE1\x9E\xB3\xE1\x9E\xB6"},
        {"\xE1\xA0\x8B\xE1\xA0\x8F", R"(\u180b\u180f)", "\xE1\xA0\x8A\xE1\xA0\x90"},
        {"\xE2\x80\x8B\xE2\x80\x8F", R"(\u200b\u200f)", "\xE2\x80\x8A\xE2\x80\x90"},
        {"\xE2\x80\xA8\xE2\x80\xAE", R"(\u2028\u202e)", "\xE2\x80\xA7\xE2\x80\xAF"},
        {"\xE2\x81\xA0\xE2\x81\xAF", R"(\u2060\u206f)", "\xE2\x81\x9F\xE2\x81\xB0"},
        {"\xE3\x85\xA4", R"(\u3164)", "\xE3\x85\xA3\xE3\x85\xA5"},
        {"\xEF\xB8\x80\xEF\xB8\x8F", R"(\ufe00\ufe0f)", "\xEF\xB7\xBF\xEF\xB8\x90"},
        {"\xEF\xBB\xBF", R"(\ufeff)", "\xEF\xBB\xBE\xEF\xBC\x80"},
        {"\xEF\xBE\xA0", R"(\uffa0)", "\xEF\xBE\x9F\xEF\xBE\xA1"},
        {"\xEF\xBF\xB0\xEF\xBF\xB8", R"(\ufff0\ufff8)", "\xEF\xBF\xAF\xEF\xBF\xB9"},
        {"\xF0\x9B\xB2\xA0\xF0\x9B\xB2\xA3", R"(\ud82f\udca0\ud82f\udca3)", "\xF0\x9B\xB2\x9F\xF0\x9B\xB2\xA4"},
        {"\xF0\x9D\x85\xB3\xF0\x9D\x85\xBA", R"(\ud834\udd73\ud834\udd7a)", "\xF0\x9D\x85\xB2\xF0\x9D\x85\xBB"},
        {"\xF3\xA0\x80\x80\xF3\xA0\xBF\xBF", R"(\udb40\udc00\udb43\udfff)", "\xF3\x9F\xBF\xBF\xF3\xA1\x80\x80"},
        {"", "", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"}, // U+10000, U+10FFFF
    };
    for (const auto &[inside, escaped, beside] : ranges) {
        CAPTURE(escaped);
        const auto frame = close_frame::fit(close_code{4000}, std::string(inside) + beside);
        CHECK(text(frame) == std::string("4000 \"") + escaped + beside + "\"");
        CHECK(json(frame) == std::string(R"({"code":4000,"reason":")") + escaped + beside + "\"}");
    }
}

TEST_CASE("an emoji is shown, and what follows it unseen is escaped") {
    // U+2764 heart, U+FE0F shown as an emoji
    CHECK(text(close_frame::fit(close_code{4000}, "\xE2\x9D\xA4\xEF\xB8\x8F")) == "4000 \"\xE2\x9D\xA4\\ufe0f\"");
    // U+1F3F4 flag, and the tags g, b, end: U+E0067, U+E0062, U+E007F
    const auto flag =
        close_frame::fit(close_code{4000}, "\xF0\x9F\x8F\xB4\xF3\xA0\x81\xA7\xF3\xA0\x81\xA2\xF3\xA0\x81\xBF");
    CHECK(text(flag) == "4000 \"\xF0\x9F\x8F\xB4\\udb40\\udc67\\udb40\\udc62\\udb40\\udc7f\"");
    CHECK(json(flag) == "{\"code\":4000,\"reason\":\"\xF0\x9F\x8F\xB4\\udb40\\udc67\\udb40\\udc62\\udb40\\udc7f\"}");
}

TEST_CASE("a line in a buffer of its own is never cut") {
    close_handshake handshake; // the longest line: the longest names, both texts escaped, an uncertain code
    handshake.fail(close_frame::fit(close_code::mandatory_extension, std::string(123, '\n')));
    handshake.send();
    handshake.receive(close_frame::parse("\x03\xEB" + std::string(123, '\r')), true);
    const text_line line(handshake.report());
    std::string     expected = "closed by the library: sent 1010 mandatory_extension \"";
    for (int i = 0; i < 123; ++i)
        expected += "\\u000a";
    expected += "\", received 1003 unsupported_data (or another code) \"";
    for (int i = 0; i < 123; ++i)
        expected += "\\u000d";
    expected += '"';
    CHECK(line.view() == expected);
    CHECK(std::string_view(line.c_str()) == line.view());
}
