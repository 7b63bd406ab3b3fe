// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/close_report.hpp>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"

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

TEST_CASE("whoever ended a connection without a Close frame is reported") {
    close_handshake handshake;
    handshake.transport_closed(cause::dropped);
    CHECK(handshake.report().initiator() == initiator::local);
    CHECK(handshake.report().code() == close_code::abnormal_closure);
}

TEST_CASE("a connection whose TLS failed has the code 1015") {
    close_handshake handshake;
    handshake.connect_failed({"not trusted", cause::tls_untrusted});
    CHECK(handshake.report().code() == close_code::tls_handshake);
    CHECK(handshake.report().error() == "not trusted");
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

TEST_CASE("the names of initiators and acknowledgements are those of the enumerators") {
    CHECK(name(initiator::transport) == "transport");
    CHECK(name(initiator::local) == "local");
    CHECK(name(initiator::peer) == "peer");
    CHECK(name(initiator::library) == "library");
    CHECK(name(acknowledgement::no) == "no");
    CHECK(name(acknowledgement::yes) == "yes");
    CHECK(name(acknowledgement::inferred) == "inferred");
}
