// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/close_handshake.hpp>

#include <cstring>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace wsclose;

namespace {

// What can happen to a connection, a letter each:
//   R  the program requests 4001 "mine", which cannot go out yet
//   S  the program's 4001 "mine" goes out, or the frame that was requested
//   V  the peer's valid 1000 "yours" comes in
//   B  an invalid Close frame of the peer's comes in, with half a code
//   U  a Close frame of the peer's comes in, but nobody can read it
//   F  our own stack fails the connection with 1002 "rsv bits", which cannot go out yet
//   T  the connection is over
constexpr std::string_view inputs = "RSVBUFT";

enum state {
    open,
    requested,         // asked for, not out
    sent,              // ours is out, the peer has not answered
    answered,          // ours, then the peer's
    answered_badly,    // ours, then an invalid one of the peer's
    answered_unseen,   // ours, then one of the peer's that nobody can read
    echoed,            // the peer's, then the same again
    overtaken,         // the peer's, then ours, which was requested before
    refused,           // an invalid one of the peer's, then 1002
    failing,           // our stack's is asked for, not out
    failed,            // our stack's is out
    failed_answered,   // our stack's, then the peer's
    failed_badly,      // our stack's, then an invalid one of the peer's
    failed_unseen,     // our stack's, then one of the peer's that nobody can read
    failing_overtaken, // the peer's, then our stack's
    unseen,            // one of the peer's that nobody can read, and so nobody can answer
    requested_unseen,  // the same, and ours was asked for
    failing_unseen,    // the same, and our stack's was asked for
    state_count
};

// RFC 6455: sections 5.5.1 (a Close frame is answered by one, once, and nothing is sent after it),
// 7.1.2 and 7.1.3 (either side may begin), 7.1.4 (closed cleanly), 7.1.7 (fail the connection).
// An input that is not in the table changes nothing and asks for nothing.
constexpr struct {
    state      from;
    char       input;
    state      to;
    close_step step;
} transitions[] = {
    {open, 'R', requested, close_step::none},
    {open, 'S', sent, close_step::send},
    {open, 'V', echoed, close_step::send_and_end},
    {open, 'B', refused, close_step::send_and_end},
    {open, 'U', unseen, close_step::end},
    {open, 'F', failing, close_step::none},
    {requested, 'S', sent, close_step::send},
    {requested, 'V', overtaken, close_step::send_and_end},
    {requested, 'B', refused, close_step::send_and_end},
    {requested, 'U', requested_unseen, close_step::end},
    {sent, 'V', answered, close_step::end},
    {sent, 'B', answered_badly, close_step::end},
    {sent, 'U', answered_unseen, close_step::end},
    {failing, 'S', failed, close_step::send},
    {failing, 'V', failing_overtaken, close_step::send_and_end},
    {failing, 'B', refused, close_step::send_and_end},
    {failing, 'U', failing_unseen, close_step::end},
    {failed, 'V', failed_answered, close_step::end},
    {failed, 'B', failed_badly, close_step::end},
    {failed, 'U', failed_unseen, close_step::end},
    {requested_unseen, 'S', answered_unseen, close_step::send},
    {failing_unseen, 'S', failed_unseen, close_step::send},
};

constexpr auto ack_no  = acknowledgement::no;
constexpr auto ack_yes = acknowledgement::yes;
constexpr auto ack_inf = acknowledgement::inferred;
constexpr auto mine    = "4001 mine";
constexpr auto yours   = "1000 yours";
constexpr auto refusal = "1002 Close frame with half a code";
constexpr auto rsv     = "1002 rsv bits";
constexpr auto half    = parse_error::truncated_code;
constexpr auto fine    = parse_error::none;

constexpr auto done   = cause::handshake;
constexpr auto broken = cause::protocol_violation;
constexpr auto cut    = cause::reset;

// What is reported of a connection that is over in each state.
constexpr struct {
    state           in;
    const char     *code_and_reason;
    const char     *received; // null: none
    const char     *sent;
    initiator       who;
    acknowledgement acknowledged;
    parse_error     violation;
    bool            clean;
    cause           why; // if the end of the connection says `reset`
} reports[] = {
    {open, "1006 ", nullptr, nullptr, initiator::transport, ack_no, fine, false, cut},
    {requested, "1006 ", nullptr, nullptr, initiator::local, ack_no, fine, false, cut},
    {sent, mine, nullptr, mine, initiator::local, ack_no, fine, false, cut},
    {answered, mine, yours, mine, initiator::local, ack_yes, fine, true, done},
    {answered_badly, mine, nullptr, mine, initiator::local, ack_yes, half, false, broken},
    {answered_unseen, mine, nullptr, mine, initiator::local, ack_inf, fine, true, done},
    {echoed, yours, yours, yours, initiator::peer, ack_yes, fine, true, done},
    {overtaken, yours, yours, mine, initiator::peer, ack_yes, fine, true, done},
    {refused, refusal, nullptr, refusal, initiator::peer, ack_yes, half, false, broken},
    {failing, "1006 ", nullptr, nullptr, initiator::library, ack_no, fine, false, broken},
    {failed, rsv, nullptr, rsv, initiator::library, ack_no, fine, false, broken},
    {failed_answered, rsv, yours, rsv, initiator::library, ack_yes, fine, true, broken},
    {failed_badly, rsv, nullptr, rsv, initiator::library, ack_yes, half, false, broken},
    {failed_unseen, rsv, nullptr, rsv, initiator::library, ack_inf, fine, true, broken},
    {failing_overtaken, yours, yours, rsv, initiator::peer, ack_yes, fine, true, done},
    {unseen, "1006 ", nullptr, nullptr, initiator::peer, ack_no, fine, false, cut},
    {requested_unseen, "1006 ", nullptr, nullptr, initiator::local, ack_no, fine, false, cut},
    {failing_unseen, "1006 ", nullptr, nullptr, initiator::library, ack_no, fine, false, broken},
};
static_assert(sizeof(reports) / sizeof(reports[0]) == state_count);

const close_frame mine_frame = close_frame::fit(close_code{4001}, "mine");
const close_frame rsv_frame  = close_frame::fit(close_code::protocol_error, "rsv bits");

close_step put_in(close_handshake &handshake, char input) {
    switch (input) {
    case 'R': handshake.request(mine_frame); return close_step::none;
    case 'S': return handshake.send(mine_frame);
    case 'V': return handshake.receive(close_frame::parse("\x03\xE8yours"));
    case 'B': return handshake.receive(close_frame::parse("\x03"));
    case 'U': return handshake.receive_unseen();
    case 'F': handshake.fail(rsv_frame); return close_step::none;
    default: handshake.transport_closed(cause::reset); return close_step::none;
    }
}

std::string text(close_code code, std::string_view reason) {
    return std::to_string(static_cast<unsigned>(code)).append(" ").append(reason);
}

bool is(const close_frame *frame, const char *expected) {
    return frame && expected ? text(frame->code(), frame->reason()) == expected : !frame && !expected;
}

// Follows the table. Returns false if the machine asks for another step or ends in another report.
bool follows_the_table(std::string_view sequence) {
    close_handshake handshake;
    state           now  = open;
    bool            over = false;
    for (const char input : sequence) {
        close_step step = close_step::none;
        for (const auto &t : transitions)
            if (!over && t.from == now && t.input == input) {
                now  = t.to;
                step = t.step;
                break;
            }
        over = over || input == 'T';
        if (put_in(handshake, input) != step)
            return false;
        const auto state = over          ? close_handshake::state::closed
                           : now == open ? close_handshake::state::open
                                         : close_handshake::state::closing;
        const bool waits =
            !over && (now == requested || now == failing || now == requested_unseen || now == failing_unseen);
        if (handshake.current() != state || (handshake.requested() != nullptr) != waits)
            return false;
    }
    handshake.transport_closed(cause::reset);
    const close_report &report = handshake.report();
    const auto         &e      = reports[now];
    return e.in == now && text(report.code(), report.reason()) == e.code_and_reason &&
           is(report.received(), e.received) && is(report.sent(), e.sent) && report.initiator() == e.who &&
           report.acknowledged() == e.acknowledged && report.violation() == e.violation && report.clean() == e.clean &&
           report.cause() == e.why && report.error().empty();
}

} // namespace

TEST_CASE("every sequence of up to six inputs goes as RFC 6455 says and ends in one report") {
    unsigned sequences = 0;
    for (unsigned length = 0; length <= 6; ++length) {
        unsigned count = 1;
        for (unsigned i = 0; i < length; ++i)
            count *= static_cast<unsigned>(inputs.size());
        for (unsigned n = 0; n < count; ++n) {
            std::string sequence;
            for (unsigned i = 0, rest = n; i < length; ++i, rest /= static_cast<unsigned>(inputs.size()))
                sequence += inputs[rest % inputs.size()];
            ++sequences;
            if (!follows_the_table(sequence))
                FAIL_CHECK(sequence);
        }
    }
    CHECK(sequences == 137257); // 7^0 + ... + 7^6
}

TEST_CASE("a Close frame with text that is not UTF-8 is answered with 1007") {
    close_handshake handshake;
    CHECK(handshake.receive(close_frame::parse("\x03\xE8\xFF")) == close_step::send_and_end);
    CHECK(handshake.report().code() == close_code::invalid_payload);
    CHECK(handshake.report().sent()->reason() == "Close frame with text that is not UTF-8");
    CHECK(handshake.report().violation() == parse_error::invalid_utf8);
}

TEST_CASE("the first of two requests wins, and the second is told so") {
    close_handshake handshake;
    CHECK(handshake.request(mine_frame));
    CHECK_FALSE(handshake.request(rsv_frame));
    CHECK(*handshake.requested() == mine_frame);
    CHECK(handshake.send(rsv_frame) == close_step::send);
    CHECK(*handshake.report().sent() == mine_frame);
}

TEST_CASE("a frame with which our own stack fails the connection is not reported as sent until it is") {
    close_handshake handshake;
    CHECK(handshake.fail(rsv_frame));
    CHECK_FALSE(handshake.fail(mine_frame));
    CHECK(*handshake.requested() == rsv_frame);
    handshake.transport_closed();
    CHECK(handshake.report().initiator() == initiator::library);
    CHECK(handshake.report().code() == close_code::abnormal_closure);
    CHECK_FALSE(handshake.report().sent());
}

TEST_CASE("a frame that was sent and lost is not reported as sent") {
    close_handshake ours;
    ours.lose(); // nothing to lose
    ours.send(mine_frame);
    ours.lose();
    ours.transport_closed();
    ours.lose(); // too late
    CHECK(ours.report().initiator() == initiator::local);
    CHECK(ours.report().code() == close_code::abnormal_closure);
    CHECK_FALSE(ours.report().sent());

    close_handshake crossed;
    crossed.send(mine_frame);
    crossed.receive(close_frame::parse("\x03\xE8yours"));
    crossed.lose();
    crossed.transport_closed();
    CHECK(text(crossed.report().code(), crossed.report().reason()) == "1000 yours");
    CHECK_FALSE(crossed.report().sent());

    close_handshake late;
    late.send(mine_frame);
    late.transport_closed();
    late.lose(); // too late
    CHECK(*late.report().sent() == mine_frame);

    close_handshake answer;
    answer.receive(close_frame::parse("\x03\xE8yours"));
    answer.lose();
    answer.transport_closed();
    CHECK(text(answer.report().code(), answer.report().reason()) == "1000 yours");
    CHECK(answer.report().initiator() == initiator::peer);
    CHECK(answer.report().acknowledged() == acknowledgement::no);
    CHECK_FALSE(answer.report().sent());
    CHECK_FALSE(answer.report().clean());
}

TEST_CASE("a failure to connect that comes after a Close frame, or after the end, changes no report") {
    close_handshake handshake;
    SECTION("after the peer's") { handshake.receive(close_frame::parse("\x03\xE8yours")); }
    SECTION("after the peer's, and the answer was lost") {
        handshake.receive(close_frame::parse("\x03\xE8yours"));
        handshake.lose();
    }
    SECTION("after the peer's, which nobody read") { handshake.receive_unseen(); }
    SECTION("after ours") { handshake.send(mine_frame); }
    SECTION("after the end") { handshake.transport_closed(cause::fin); }
    const bool was_received = handshake.report().received() != nullptr;
    const bool was_sent     = handshake.report().sent() != nullptr;
    handshake.connect_failed({"late", cause::refused, 503, 5});
    CHECK(handshake.report().error().empty());
    CHECK(handshake.report().http_status() == 0);
    CHECK(handshake.report().retry_after() == 0);
    CHECK((handshake.report().received() != nullptr) == was_received);
    CHECK((handshake.report().sent() != nullptr) == was_sent);
}

TEST_CASE("zeroed memory is a handshake at its start") {
    close_handshake handshake;
    handshake.request(frame<close_code::going_away>("bye"));
    handshake.send();
    std::memset(static_cast<void *>(&handshake), 0, sizeof handshake);
    CHECK(handshake.current() == close_handshake::state::open);
    CHECK(handshake.requested() == nullptr);
    CHECK(handshake.report().received() == nullptr);
    CHECK(handshake.report().sent() == nullptr);
    CHECK(handshake.report().code() == close_code::abnormal_closure);
    CHECK(handshake.report().initiator() == initiator::transport);
    CHECK(handshake.report().acknowledged() == acknowledgement::no);
    CHECK(handshake.report().violation() == parse_error::none);
    CHECK_FALSE(handshake.report().code_uncertain());
    CHECK(handshake.report().error().empty());
    CHECK(handshake.receive(close_frame::parse("")) == close_step::send_and_end);
    CHECK(handshake.report().received()->code() == close_code::no_status_received);
}
