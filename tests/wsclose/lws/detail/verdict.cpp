// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/verdict.hpp>

#include "support/catch.hpp"

using namespace wsclose;
using detail::evidence;
using detail::judge;
using detail::verdict;

namespace wsclose::detail {
static bool operator==(const verdict &a, const verdict &b) {
    return a.who == b.who && a.must_send_prepared == b.must_send_prepared;
}
} // namespace wsclose::detail

namespace {

constexpr verdict ended_by_program{initiator::local, false}, ended_by_lws{initiator::library, false},
    lost{initiator::transport, false}, sends_programs_frame{initiator::local, true},
    sends_frame_of_lws{initiator::library, true};

evidence with_frame(int prepared, int left = 0) {
    evidence seen;
    seen.prepared_code = prepared;
    seen.code_left     = left;
    return seen;
}

} // namespace

TEST_CASE("a connection that lws ends and nobody else can have ended was ended by lws") {
    CHECK(judge({}) == ended_by_lws);
}

TEST_CASE("without a frame, the first of these ended the connection: program, peer, context, TLS or HTTP/2") {
    // the columns of evidence: program dropped it, context is destroyed, peer ended TCP, layer may have ended
    static constexpr struct {
        bool    dropped, destroyed, tcp, layer;
        verdict expected;
    } rows[] = {
        {true, false, false, false, ended_by_program},
        {true, false, true, false, ended_by_program},
        {true, true, true, true, ended_by_program},
        {false, false, true, false, lost},
        {false, true, true, false, lost},
        {false, false, true, true, lost},
        {false, true, false, false, ended_by_program},
        {false, true, false, true, ended_by_program},
        {false, false, false, true, lost},
        {false, false, false, false, ended_by_lws},
    };
    for (const auto &row : rows) {
        evidence seen;
        seen.dropped_by_program   = row.dropped;
        seen.context_is_destroyed = row.destroyed;
        seen.peer_ended_tcp       = row.tcp;
        seen.layer_may_have_ended = row.layer;
        CAPTURE(row.dropped, row.destroyed, row.tcp, row.layer);
        CHECK(judge(seen) == row.expected);
    }
}

TEST_CASE("a frame with 1002 or 1007 is lws' own, and goes out even behind the peer's FIN") {
    for (const int code : {1002, 1007}) {
        evidence seen = with_frame(code);
        CHECK(judge(seen) == sends_frame_of_lws);
        seen.peer_ended_tcp = true;
        CHECK(judge(seen) == sends_frame_of_lws);
        seen.dropped_by_program = true;
        CHECK(judge(seen) == sends_frame_of_lws);
    }
}

TEST_CASE("a frame with 1002 or 1007 is the program's if the program left that code") {
    CHECK(judge(with_frame(1002, 1002)) == sends_programs_frame);
    CHECK(judge(with_frame(1007, 1007)) == sends_programs_frame);
    CHECK(judge(with_frame(1002, 1007)) == sends_frame_of_lws);
}

TEST_CASE("a frame with any other code is the program's, a forbidden one too") {
    for (const int code : {0, 1, 999, 1000, 1001, 1005, 3000, 65535})
        CHECK(judge(with_frame(code)) == sends_programs_frame);
}

TEST_CASE("a frame of the program's does not go out once the peer has ended TCP") {
    evidence seen       = with_frame(1001);
    seen.peer_ended_tcp = true;
    CHECK(judge(seen) == lost);
    seen.dropped_by_program = true;
    CHECK(judge(seen) == ended_by_program);
}
