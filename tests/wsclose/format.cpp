// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/format.hpp>

#include <sstream>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace wsclose;

namespace {

template <class Value>
std::string text(const Value &value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

template <class Value>
std::string json(const Value &value) {
    std::string out;
    write_json(value, [&out](std::string_view piece) { out += piece; });
    return out;
}

close_report peer_closed_with(std::string_view body) {
    close_handshake handshake;
    handshake.receive(close_frame::parse(body));
    handshake.transport_closed();
    return handshake.report();
}

close_report we_closed(std::string_view answer) {
    close_handshake handshake;
    handshake.send(close_frame::fit(close_code{4001}, "kicked"));
    if (!answer.empty())
        handshake.receive(close_frame::parse(answer));
    handshake.transport_closed();
    return handshake.report();
}

} // namespace

TEST_CASE("codes and frames are a number, a name where there is one, and the text in quotes") {
    CHECK(text(close_code::going_away) == "1001 going_away");
    CHECK(text(close_code{4001}) == "4001");
    CHECK(text(close_code{0}) == "0");
    CHECK(text(close_code{65535}) == "65535");
    CHECK(text(close_frame()) == "1005 no_status_received");
    CHECK(text(close_frame::fit(close_code::normal_closure, "bye")) == "1000 normal_closure \"bye\"");
}

TEST_CASE("a report is one line that says who, how and with what") {
    CHECK(text(peer_closed_with("\x03\xE8"
                                "bye")) == "closed cleanly by peer: 1000 normal_closure \"bye\"");
    CHECK(text(peer_closed_with("")) == "closed cleanly by peer: 1005 no_status_received");
    CHECK(text(peer_closed_with("\x03")) ==
          "closed, not cleanly, by peer: truncated_code; answered 1002 protocol_error "
          "\"Close frame with half a code\"");
    CHECK(text(we_closed("\x0F\xA1kicked")) == "closed cleanly by local: 4001 \"kicked\"");
    CHECK(text(we_closed("\x03\xE8")) == "closed cleanly by local: 4001 \"kicked\"; answered 1000 normal_closure");
    CHECK(text(we_closed("\x03")) == "closed, not cleanly, by local: 4001 \"kicked\"; answered with truncated_code");
    CHECK(text(we_closed("")) == "closed, not cleanly, by local: 4001 \"kicked\"; not answered");
    close_handshake inferred;
    inferred.send(close_frame::fit(close_code{4001}, "kicked"));
    inferred.receive_unseen();
    CHECK(text(inferred.report()) == "closed cleanly by local: 4001 \"kicked\"; answer inferred");

    close_handshake code_uncertain;
    code_uncertain.receive(close_frame::parse("\x03\xEA", 2), true);
    CHECK(text(code_uncertain.report()) ==
          "closed by peer: 1002 protocol_error; the peer's code may have been another");
    CHECK(json(code_uncertain.report()) == "{\"code\":1002,\"reason\":\"\",\"clean\":false,\"initiator\":\"peer\","
                                           "\"received\":{\"code\":1002,\"reason\":\"\"},"
                                           "\"sent\":{\"code\":1002,\"reason\":\"\"},\"violation\":null,"
                                           "\"code_uncertain\":true}");
    close_handshake lost;
    lost.transport_closed();
    CHECK(text(lost.report()) == "closed, not cleanly, by transport: 1006 abnormal_closure");
    close_handshake refused;
    refused.connect_failed("connection refused");
    CHECK(text(refused.report()) == "not connected: \"connection refused\"");
}

TEST_CASE("a report is one JSON object") {
    CHECK(json(peer_closed_with("\x03\xE8"
                                "bye")) ==
          R"({"code":1000,"reason":"bye","clean":true,"initiator":"peer","received":{"code":1000,"reason":"bye"},)"
          R"("sent":{"code":1000,"reason":"bye"},"violation":null})");
    CHECK(json(peer_closed_with("\x03")) ==
          R"({"code":1002,"reason":"Close frame with half a code","clean":false,"initiator":"peer","received":null,)"
          R"("sent":{"code":1002,"reason":"Close frame with half a code"},"violation":"truncated_code"})");
    close_handshake refused;
    refused.connect_failed("connection refused");
    CHECK(json(refused.report()) == R"({"code":1006,"reason":"","clean":false,"initiator":"transport","received":null,)"
                                    R"("sent":null,"violation":null,"error":"connection refused"})");
    CHECK(json(close_frame()) == R"({"code":1005,"reason":""})");
}

TEST_CASE("no text of a peer's can break a line or look like another one") {
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
        {"\xC2\xA0\xE2\x80\xA7\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA",
         "\"\xC2\xA0\xE2\x80\xA7\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA\""},
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

TEST_CASE("a line in a buffer of its own is never cut") {
    close_handshake handshake;
    handshake.send(close_frame::fit(close_code::internal_error, std::string(123, '\n')));
    handshake.receive(close_frame::parse("\x03\xF3" + std::string(123, '\r')));
    const text_line line(handshake.report());
    CHECK(line.view() == text(handshake.report()));
    CHECK(line.view().size() > 2 * 6 * 123);
    CHECK(std::string_view(line.c_str()) == line.view());
}
