// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// relayed(), for any ending of the other leg: its frame may always be sent.

#include <wsclose/relay.hpp>

#include "fuzz/codes.hpp"
#include "fuzz/events.hpp"
#include "fuzz/fuzz.hpp"

using namespace wsclose;
using fuzz::must;

namespace {

void check(const close_frame &frame, role sender) {
    const parse_result parsed = close_frame::parse(frame.data(), frame.size());
    must(parsed && parsed.frame == frame, "a relayed frame is valid");
    const auto code = static_cast<unsigned>(frame.code());
    must(code != 1002 && code != 1010, "what is about one connection is not passed on");
    must(!frame.has_code() || is_sendable(frame.code(), sender), "the proxy may send the code in its role");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input        in(data, size);
    const auto         sender   = in.one_of<role>(2);
    const fuzz::exact  body     = in.text();
    const parse_result received = close_frame::parse(body.view());
    const close_report ended    = fuzz::take_report(in);

    const close_frame early = relayed(received, sender), late = relayed(ended, sender);
    check(early, sender);
    check(late, sender);
    must(early.reason() == received.frame.reason(), "the text of a valid frame is passed on");
    if (!received)
        must(early.code() == (sender == role::server ? close_code::bad_gateway : close_code::going_away),
             "an invalid frame becomes 1014 or 1001");
    const close_frame *const theirs = ended.received(), *const ours = ended.sent();
    must(late.reason().empty() || (theirs && late.reason() == theirs->reason()) || (ours && late == *ours) ||
             late.reason() == close_frame::fit(late.code(), ended.error()).reason(),
         "the text of a relayed frame is one of the other leg's");
    if (theirs && ended.initiator() == initiator::peer && !ended.code_uncertain())
        must(late == relayed(parse_result{*theirs, parse_error::none, 0}, sender),
             "early or late, the same frame goes on");
    return 0;
}
