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
using detail::tcp;
using detail::verdict;

WSCLOSE_BEGIN_NAMESPACE
namespace detail {
static bool operator==(const verdict &a, const verdict &b) {
    return a.why == b.why && a.must_send_prepared == b.must_send_prepared;
}
} // namespace detail
WSCLOSE_END_NAMESPACE

namespace {

constexpr verdict ends_by(cause why) { return {why, false}; }
constexpr verdict sends_frame_for(cause why) { return {why, true}; }

evidence with_frame(prepared frame) {
    evidence seen;
    seen.frame = frame;
    return seen;
}

} // namespace

TEST_CASE("a connection that lws ends and nobody else can have ended was ended by lws") {
    CHECK(judge({}) == ends_by(cause::library));
}

TEST_CASE("without a frame, the first of these ended the connection: TCP, context, TLS or HTTP/2, lws") {
    constexpr bool no = false, yes = true;
    // the columns of evidence: TCP, context is destroyed, layer may have ended, peer takes nothing, a ping was ignored
    static constexpr struct {
        tcp   transport;
        bool  destroyed, layer, full, ignored;
        cause expected;
    } rows[] = {
        {tcp::fin, no, no, no, no, cause::fin},
        {tcp::reset, no, no, no, no, cause::reset},
        {tcp::lost, no, no, no, no, cause::lost},
        {tcp::reset, yes, yes, yes, yes, cause::reset},
        {tcp::whole, yes, no, no, no, cause::context_destroyed},
        {tcp::whole, yes, yes, yes, yes, cause::context_destroyed},
        {tcp::whole, no, yes, no, no, cause::unknown},
        {tcp::whole, no, yes, yes, yes, cause::unknown},
        {tcp::whole, no, no, yes, no, cause::not_reading},
        {tcp::whole, no, no, yes, yes, cause::not_reading},
        {tcp::whole, no, no, no, yes, cause::no_pong},
        {tcp::whole, no, no, no, no, cause::library},
    };
    for (const auto &row : rows) {
        evidence seen;
        seen.transport            = row.transport;
        seen.context_is_destroyed = row.destroyed;
        seen.layer_may_have_ended = row.layer;
        seen.takes_nothing        = row.full;
        seen.ignored_ping         = row.ignored;
        CAPTURE(int(row.transport), row.destroyed, row.layer, row.full, row.ignored);
        CHECK(judge(seen) == ends_by(row.expected));
    }
}

TEST_CASE("a frame that lws prepared by itself goes out even behind the peer's FIN") {
    evidence seen = with_frame(prepared::by_lws);
    CHECK(judge(seen) == sends_frame_for(cause::protocol_violation));
    seen.transport = tcp::fin;
    CHECK(judge(seen) == sends_frame_for(cause::protocol_violation));
}

TEST_CASE("a frame of the program's does not go out once the peer has ended TCP") {
    evidence seen = with_frame(prepared::by_program);
    CHECK(judge(seen) == sends_frame_for(cause::dropped));
    seen.transport = tcp::fin;
    CHECK(judge(seen) == ends_by(cause::fin));
}

TEST_CASE("a frame with 1002 or 1007 and the words of lws is lws' own, and any other is the program's") {
    CHECK(is_prepared_by_lws("\x03\xEArsv bits"));
    CHECK(is_prepared_by_lws("\x03\xEFpartial utf8"));
    CHECK_FALSE(is_prepared_by_lws("\x03\xEA"));
    CHECK_FALSE(is_prepared_by_lws("\x03\xEFnot the text I asked for"));
    CHECK_FALSE(is_prepared_by_lws("\x03\xE8rsv bits"));
    CHECK_FALSE(is_prepared_by_lws("\x00\x00"sv));
}

TEST_CASE("whatever is known, the verdict says nothing that is not known") {
    unsigned count = 0;
    for (const prepared frame : {prepared::nothing, prepared::by_program, prepared::by_lws})
        for (const tcp transport : {tcp::whole, tcp::fin, tcp::reset, tcp::lost})
            for (unsigned flags = 0; flags < 16; ++flags, ++count) {
                const auto     is_set = [flags](unsigned bit) { return (flags >> bit & 1) != 0; };
                const evidence seen{frame, is_set(0), transport, is_set(1), is_set(2), is_set(3)};
                const verdict  result = judge(seen);
                CAPTURE(int(frame), int(transport), flags, name(result.why));
                switch (result.why) {
                case cause::protocol_violation: CHECK(frame == prepared::by_lws); break;
                case cause::dropped: CHECK(frame == prepared::by_program); break;
                case cause::fin: CHECK(transport == tcp::fin); break;
                case cause::reset: CHECK(transport == tcp::reset); break;
                case cause::lost: CHECK(transport == tcp::lost); break;
                case cause::context_destroyed: CHECK(seen.context_is_destroyed); break;
                case cause::unknown: CHECK(seen.layer_may_have_ended); break;
                case cause::not_reading: CHECK(seen.takes_nothing); break;
                case cause::no_pong: CHECK(seen.ignored_ping); break;
                default: CHECK(result.why == cause::library);
                }
                if (result.why == cause::library || result.why == cause::not_reading || result.why == cause::no_pong)
                    CHECK((transport == tcp::whole && !seen.layer_may_have_ended));
                CHECK(result.must_send_prepared ==
                      (frame == prepared::by_lws || (frame == prepared::by_program && transport == tcp::whole)));
            }
    CHECK(count == 192);
}
