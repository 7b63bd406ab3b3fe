// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/close_report.hpp>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"
#include "support/game_code.hpp"

// What is reported after every sequence of inputs is in close_handshake.cpp.

using namespace wsclose;

TEST_CASE("an empty report is of a connection that ended without a Close frame") {
    const close_report report;
    CHECK(report.code() == close_code::abnormal_closure);
    CHECK(report.reason().empty());
    CHECK_FALSE(report.received());
    CHECK_FALSE(report.sent());
    CHECK(report.initiator() == initiator::transport);
    CHECK(report.acknowledged() == acknowledgement::no);
    CHECK(report.violation() == parse_error::none);
    CHECK_FALSE(report.code_uncertain());
    CHECK_FALSE(report.clean());
    CHECK(report.error().empty());
}

TEST_CASE("a report of an empty Close frame has the code 1005") {
    close_handshake handshake;
    CHECK(handshake.receive(close_frame::parse("")) == close_step::send_and_end);
    handshake.transport_closed();
    CHECK(handshake.report().code() == close_code::no_status_received);
    CHECK(handshake.report().sent()->size() == 0);
    CHECK(handshake.report().clean());
}

TEST_CASE("the cause of an end without a Close frame says who ended the connection") {
    static constexpr struct {
        cause     why;
        initiator who;
    } rows[] = {
        {cause::unknown, initiator::transport},       {cause::dropped, initiator::local},
        {cause::context_destroyed, initiator::local}, {cause::fin, initiator::transport},
        {cause::reset, initiator::transport},         {cause::lost, initiator::transport},
        {cause::library, initiator::library},         {cause::protocol_violation, initiator::library},
        {cause::no_answer, initiator::library},       {cause::not_reading, initiator::library},
        {cause::no_pong, initiator::library},
    };
    for (const auto &row : rows) {
        close_handshake handshake;
        handshake.transport_closed(row.why);
        CAPTURE(name(row.why));
        CHECK(handshake.report().cause() == row.why);
        CHECK(handshake.report().initiator() == row.who);
        CHECK(handshake.report().code() == close_code::abnormal_closure);
    }
}

TEST_CASE("the first cause that is known counts, until a Close frame went each way") {
    close_handshake handshake;
    CHECK(handshake.report().cause() == cause::unknown);
    handshake.send(frame<close_code::going_away>());
    handshake.ends_by(cause::no_answer);
    handshake.ends_by(cause::fin);
    CHECK(handshake.report().cause() == cause::no_answer);
    SECTION("nothing comes") {
        handshake.transport_closed(cause::reset);
        CHECK(handshake.report().cause() == cause::no_answer);
        handshake.ends_by(cause::reset);
        handshake.transport_closed(cause::reset);
        CHECK(handshake.report().cause() == cause::no_answer);
        close_handshake unexplained;
        unexplained.transport_closed();
        unexplained.ends_by(cause::reset);
        CHECK(unexplained.report().cause() == cause::unknown);
    }
    SECTION("the peer's frame comes late") {
        handshake.receive(close_frame::parse("\x03\xE9"));
        handshake.transport_closed(cause::fin);
        CHECK(handshake.report().cause() == cause::handshake);
    }
}

TEST_CASE("a report says how long the WebSocket was open, once it is over") {
    close_handshake handshake;
    CHECK(handshake.report().lasted() == 0);
    handshake.established(1'000'000'000'000);
    CHECK(handshake.report().lasted() == 0);
    handshake.transport_closed(cause::fin, 1'000'000'000'000 + 86'400'000);
    CHECK(handshake.report().lasted() == 86'400'000);
    CHECK(handshake.report().retry_after() == 0);
    handshake.established(1'000'000'000'000);
    handshake.transport_closed(cause::fin, 1'000'000'000'000);
    CHECK(handshake.report().lasted() == 86'400'000);

    close_handshake never;
    never.transport_closed(cause::fin, 5000);
    CHECK(never.report().lasted() == 0);
}

TEST_CASE("a report says with which HTTP status a server refused, and when it asks to come back") {
    close_handshake handshake;
    handshake.connect_failed({"not 101", cause::upgrade_refused, 429, 4'000'000'000});
    CHECK(handshake.report().cause() == cause::upgrade_refused);
    CHECK(handshake.report().http_status() == 429);
    CHECK(handshake.report().retry_after() == 4'000'000'000);
    CHECK(handshake.report().lasted() == 0);
    CHECK(close_report().http_status() == 0);
    CHECK(close_report().retry_after() == 0);
}

TEST_CASE("a connection whose TLS failed has the code 1015") {
    close_handshake handshake;
    handshake.connect_failed({"not trusted", cause::tls_untrusted});
    CHECK(handshake.report().code() == close_code::tls_handshake);
    CHECK(handshake.report().error() == "not trusted");
    CHECK(is_of_tls(cause::tls_failed));
    CHECK_FALSE(is_of_tls(cause::timed_out));
    CHECK_FALSE(is_of_tls(cause::upgrade_refused));
}

TEST_CASE("a report says whether the peer's code may have been changed, and then does not claim a clean end") {
    close_handshake handshake;
    CHECK_FALSE(handshake.report().code_uncertain());
    handshake.receive(close_frame::parse("\x03\xEA", 2), true);
    CHECK(handshake.report().code_uncertain());
    CHECK(handshake.report().code() == close_code::protocol_error);
    CHECK(handshake.report().acknowledged() == acknowledgement::yes);
    CHECK_FALSE(handshake.report().clean());

    close_handshake invalid; // a frame without a whole code
    invalid.receive(close_frame::parse("\x03", 1), true);
    CHECK_FALSE(invalid.report().code_uncertain());
}

TEST_CASE("a connection that was never established ends in a report with the reason why") {
    for (const bool asked_to_close : {false, true}) {
        close_handshake handshake;
        if (asked_to_close)
            handshake.request(frame<close_code::going_away>("bye"));
        handshake.connect_failed({"refused\xFF", cause::refused});
        CHECK(handshake.report().error() == "refused\xEF\xBF\xBD");
        CHECK(handshake.report().code() == close_code::abnormal_closure);
        CHECK(handshake.report().reason().empty());
        CHECK_FALSE(handshake.report().received());
        CHECK_FALSE(handshake.report().sent());
        CHECK_FALSE(handshake.report().clean());
        CHECK(handshake.current() == close_handshake::state::closed);
    }
}

TEST_CASE("a connection that was never established for no known reason is reported as failed") {
    close_handshake handshake;
    handshake.connect_failed({});
    CHECK(handshake.report().error() == "the connection failed");
}

TEST_CASE("the names of initiators, causes and acknowledgements are those of the enumerators") {
    CHECK(name(initiator::transport) == "transport");
    CHECK(name(initiator::local) == "local");
    CHECK(name(initiator::peer) == "peer");
    CHECK(name(initiator::library) == "library");
    CHECK(name(cause::unknown) == "unknown");
    CHECK(name(cause::fin) == "fin");
    CHECK(name(cause::protocol_violation) == "protocol_violation");
    CHECK(name(cause::name_not_found) == "name_not_found");
    CHECK(name(cause::tls_wrong_name) == "tls_wrong_name");
    CHECK(name(cause::upgrade_invalid) == "upgrade_invalid");
    CHECK(name(static_cast<cause>(cause_count)) == "unknown");
    CHECK(name(static_cast<cause>(200)) == "unknown");
    CHECK(name(acknowledgement::no) == "no");
    CHECK(name(acknowledgement::yes) == "yes");
    CHECK(name(acknowledgement::inferred) == "inferred");
}

TEST_CASE("a report gives its code as an application's enumerator if the application lists it, and nothing otherwise") {
    const auto of = [](close_code code) {
        close_handshake handshake;
        handshake.send(close_frame::fit(code));
        handshake.transport_closed();
        return handshake.report().as<test::game_code>();
    };
    CHECK(of(close_code{4001}) == test::game_code::kicked);
    CHECK(of(close_code{4002}) == test::game_code::cheated);
    CHECK_FALSE(of(close_code{4003}));
    CHECK_FALSE(of(close_code::normal_closure));
    STATIC_REQUIRE_FALSE(close_report().as<test::game_code>()); // 1006
}
