// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/error_code.hpp>

#include <string>
#include <string_view>
#include <system_error>

#include <wsclose/close_handshake.hpp>
#include <wsclose/format.hpp>

#include "support/catch.hpp"

using namespace wsclose;

namespace {

close_report peer_closed_with(std::string_view body, bool code_uncertain = false) {
    close_handshake handshake;
    handshake.receive(close_frame::parse(body), code_uncertain);
    handshake.transport_closed();
    return handshake.report();
}

close_report we_closed(bool answered) {
    close_handshake handshake;
    handshake.send(frame<close_code::going_away>("bye"));
    if (answered)
        handshake.receive(close_frame::parse("\x03\xE9"));
    handshake.transport_closed();
    return handshake.report();
}

close_report never_connected(bool tls) {
    close_handshake handshake;
    handshake.connect_failed({"refused", tls ? cause::tls_failed : cause::refused});
    return handshake.report();
}

} // namespace

TEST_CASE("an error from parse or make is an error code, and none is no error") {
    std::error_code error = close_frame::parse("\x03").error;
    CHECK(error);
    CHECK(error == parse_error::truncated_code);
    CHECK(error != parse_error::too_long);
    CHECK(error.category() == parse_category());
    CHECK(error.message() == "Close frame with half a code");
    error = close_frame::parse("\x03\xE8").error;
    CHECK_FALSE(error);
    CHECK(error == parse_error::none);
    CHECK(error.message() == "no error");

    error = close_frame::make(close_code::normal_closure, "\xFF").error;
    CHECK(error);
    CHECK(error == make_error::invalid_utf8);
    CHECK(error != parse_error::invalid_utf8); // of another category
    CHECK(error.category() == make_category());
    CHECK(error.message() == "the close reason is not UTF-8");
    error = close_frame::make(close_code::normal_closure).error;
    CHECK_FALSE(error);
    CHECK(error.message() == "no error");
}

TEST_CASE("a frame's error equals the code with which it is answered") {
    CHECK(make_error_code(parse_error::truncated_code) == close_code::protocol_error);
    CHECK(make_error_code(parse_error::too_long) == close_code::protocol_error);
    CHECK(make_error_code(parse_error::forbidden_code) == close_code::protocol_error);
    CHECK(make_error_code(parse_error::invalid_utf8) == close_code::invalid_payload);
    CHECK(make_error_code(parse_error::invalid_utf8) != close_code::protocol_error);
    CHECK(make_error_code(parse_error::none) != close_code::protocol_error);
    CHECK(make_error_code(parse_error::none) != close_code::no_status_received);
}

TEST_CASE("what make refuses equals the errors of the standard") {
    CHECK(make_error_code(make_error::forbidden_code) == std::errc::invalid_argument);
    CHECK(make_error_code(make_error::reason_too_long) == std::errc::message_size);
    CHECK(make_error_code(make_error::invalid_utf8) == std::errc::illegal_byte_sequence);
    CHECK(make_error_code(make_error::none) != std::errc::invalid_argument);
}

TEST_CASE("an ending is an error code with the code of the report, clean or not") {
    const std::error_code clean = make_error_code(we_closed(true));
    CHECK(clean.value() == 1001);
    CHECK(clean == condition::clean_close);
    CHECK(clean == close_code::going_away);
    CHECK(clean != close_code::normal_closure);
    CHECK(clean == make_error_code(close_code::going_away));
    CHECK(clean.message() ==
          "the endpoint leaves: a server going down or a browser leaving the page (1001 going_away)");

    const std::error_code unanswered = make_error_code(we_closed(false));
    CHECK(unanswered.value() == 1001);
    CHECK(unanswered != condition::clean_close);
    CHECK(unanswered == close_code::going_away);
    CHECK(unanswered != close_code::normal_closure);
    CHECK(unanswered != make_error_code(close_code::going_away));
    CHECK(
        unanswered.message() ==
        "not closed cleanly: the endpoint leaves: a server going down or a browser leaving the page (1001 going_away)");

    const std::error_code own = make_error_code(peer_closed_with("\x0F\xA1"));
    CHECK(own == condition::clean_close);
    CHECK(own == close_code{4001});
    CHECK(own.message() == "for private use, by agreement between applications (4001)");
}

TEST_CASE("an ending without a Close frame is 1006, and a failure of TLS 1015, whoever names it") {
    const std::error_code lost = make_error_code(close_report());
    CHECK(lost == close_code::abnormal_closure);
    CHECK(lost == make_error_code(close_code::abnormal_closure));
    CHECK(lost != condition::clean_close);
    CHECK(lost.message() == "the connection ended without a Close frame; never on the wire (1006 abnormal_closure)");
    CHECK(make_error_code(never_connected(false)) == make_error_code(close_code::abnormal_closure));
    CHECK(make_error_code(never_connected(true)) == make_error_code(close_code::tls_handshake));
}

TEST_CASE("an error code equals clean_close exactly if the report is clean") {
    const close_report reports[] = {
        we_closed(true),
        we_closed(false),
        close_report(),
        never_connected(false),
        never_connected(true),
        peer_closed_with(""),
        peer_closed_with("\x03\xE8"),
        peer_closed_with("\x03\xEA"),
        peer_closed_with("\x03\xEA", true), // 1002, or another code
        peer_closed_with("\x03"),
        peer_closed_with("\x03\xE8\xFF"),
        peer_closed_with("\x13\x87"), // 4999
        peer_closed_with("\x13\x88"), // 5000
    };
    unsigned clean = 0;
    for (const close_report &report : reports) {
        const std::error_code error = make_error_code(report);
        CHECK(error);
        CHECK(error == report.code());
        CHECK((error == condition::clean_close) == report.clean());
        clean += report.clean();
    }
    CHECK(clean == 5);
}

TEST_CASE("each of the 65,536 codes is an error code with a message that ends in the code") {
    unsigned can_be_clean = 0, failures = 0;
    for (int value = 0; value <= 65535; ++value) {
        const auto            code    = static_cast<close_code>(value);
        const std::error_code error   = make_error_code(code);
        const std::string     message = error.message();
        const std::string     ending  = " (" + std::string(text_line(code).view()) + ")";
        failures += message.size() <= ending.size() || message.substr(message.size() - ending.size()) != ending;
        failures += std::error_code(value, unclean_close_category()).message() != "not closed cleanly: " + message;
        failures += error != code || !(std::error_code(value, unclean_close_category()) == code);
        can_be_clean += error == condition::clean_close;
    }
    CHECK(failures == 0);
    CHECK(can_be_clean == 4 + 8 + 2000 + 1); // 1000 to 1003, 1007 to 1014, 3000 to 4999, and 1005
}

TEST_CASE("a value that no category knows has a message too") {
    for (const int value : {-1, -255, 256, 257, 65536, 70000}) { // 8 bits of some are those of an error
        CHECK(std::error_code(value, parse_category()).message() == "unknown error");
        CHECK(std::error_code(value, make_category()).message() == "unknown error");
        CHECK(std::error_code(value, parse_category()) != close_code::protocol_error);
        CHECK(std::error_code(value, parse_category()) != close_code::no_status_received);
    }
    for (const int value : {-1, -64535, 65536, 66537, 70000}) { // 16 bits of some are those of 1001
        CHECK(std::error_code(value, close_category()) != condition::clean_close);
        CHECK(std::error_code(value, close_category()).message() ==
              "not a close code: outside every range that the protocol defines (" + std::to_string(value) + ")");
    }
    CHECK(std::error_condition(condition::clean_close).message() == "closed cleanly");
    CHECK(std::error_condition(7, condition_category()).message() == "unknown condition");
}

TEST_CASE("each category has a name and is one object") {
    CHECK(close_category().name() == std::string_view("wsclose.close"));
    CHECK(unclean_close_category().name() == std::string_view("wsclose.unclean_close"));
    CHECK(parse_category().name() == std::string_view("wsclose.parse"));
    CHECK(make_category().name() == std::string_view("wsclose.make"));
    CHECK(condition_category().name() == std::string_view("wsclose.condition"));
    CHECK(&close_category() == &close_category());
    CHECK(close_category() != unclean_close_category());
    CHECK(std::error_condition(condition::clean_close).category() == condition_category());
    CHECK(std::error_condition(close_code::going_away).category() == close_category());
}
