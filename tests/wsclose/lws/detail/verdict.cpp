// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/verdict.hpp>
#include <wsclose/lws/detail/wsi.hpp>

#include <string_view>

#include "support/catch.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using detail::evidence;
using detail::is_prepared_by_lws;
using detail::judge;
using detail::prepared;
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

evidence with_frame(prepared frame) {
    evidence seen;
    seen.frame = frame;
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

TEST_CASE("a frame that lws prepared by itself goes out even behind the peer's FIN") {
    evidence seen = with_frame(prepared::by_lws);
    CHECK(judge(seen) == sends_frame_of_lws);
    seen.peer_ended_tcp = true;
    CHECK(judge(seen) == sends_frame_of_lws);
    seen.dropped_by_program = true;
    CHECK(judge(seen) == sends_frame_of_lws);
}

TEST_CASE("a frame of the program's does not go out once the peer has ended TCP") {
    evidence seen = with_frame(prepared::by_program);
    CHECK(judge(seen) == sends_programs_frame);
    seen.peer_ended_tcp = true;
    CHECK(judge(seen) == lost);
    seen.dropped_by_program = true;
    CHECK(judge(seen) == ended_by_program);
}

TEST_CASE("a frame with 1002 or 1007 and the words of lws is lws' own, and any other is the program's") {
    CHECK(is_prepared_by_lws("\x03\xEArsv bits"));
    CHECK(is_prepared_by_lws("\x03\xEFpartial utf8"));
    CHECK_FALSE(is_prepared_by_lws("\x03\xEA"));
    CHECK_FALSE(is_prepared_by_lws("\x03\xEFnot the text I asked for"));
    CHECK_FALSE(is_prepared_by_lws("\x03\xE8rsv bits"));
    CHECK_FALSE(is_prepared_by_lws("\x00\x00"sv));
}
