// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// close_handshake, for any sequence of inputs: what must hold from one input to the next.

#include <string>

#include <wsclose/format.hpp>

#include "fuzz/codes.hpp"
#include "fuzz/events.hpp"
#include "fuzz/fuzz.hpp"
#include "support/game_code.hpp"

using namespace wsclose;
using fuzz::event;
using fuzz::must;
using state = close_handshake::state;

namespace {

/// What was put in so far.
struct history {
    bool  peer_has_closed = false;
    bool  has_failed      = false; // an attempt
    bool  is_over         = false;
    cause first           = cause::unknown;
};

std::string json(const close_report &report) {
    std::string out;
    write_json(report, [&out](std::string_view piece) { out += piece; });
    return out;
}

bool same(const close_frame *a, const close_frame *b) { return a && b ? *a == *b : a == b; }

void check_sent(const close_handshake &before, const event &e, const close_handshake &now, close_step step) {
    const close_frame *const sent = now.report().sent();
    const bool               goes = step == close_step::send || step == close_step::send_and_end;
    if (!goes) {
        must(same(sent, e.what == event::lose ? nullptr : before.report().sent()), "sent() changes with a frame only");
        return;
    }
    must(!before.report().sent() && sent, "no second Close frame goes out unless the first was lost");
    must(bool(close_frame::parse(sent->data(), sent->size())), "a frame that goes out is valid");
    const bool refuses = e.what == event::receive && !e.read;
    must(*sent == (refuses                    ? e.read.answer()
                   : before.requested()       ? *before.requested()
                   : e.what == event::receive ? e.read.answer()
                                              : e.frame),
         "the frame that was asked for goes out, or the answer");
}

void check_step(const close_handshake &before, const event &e, const close_handshake &now, fuzz::outcome got) {
    const bool asks = e.what == event::request || e.what == event::fail;
    must(got.taken == (asks && before.current() == state::open), "the first close wins");
    must(!got.taken || (now.requested() && *now.requested() == e.frame), "what is taken is what is to be sent");
    const bool of_peer = e.what == event::receive || e.what == event::receive_unseen;
    must(of_peer || (got.step != close_step::end && got.step != close_step::send_and_end),
         "only the peer's Close frame completes the handshake");
    must(now.current() >= before.current(), "no connection is open again");
    const bool overtakes = e.what == event::receive && before.requested(); // our frame becomes the answer
    must(before.current() == state::open || overtakes || now.report().initiator() == before.report().initiator(),
         "who closed first does not change");
    must(!before.report().received() || same(before.report().received(), now.report().received()),
         "the peer's first Close frame counts");
    must(before.report().violation() == parse_error::none || before.report().violation() == now.report().violation(),
         "the peer's first violation counts");
    must(!(now.requested() && now.report().sent()), "a frame waits, or was sent");
    check_sent(before, e, now, got.step);
}

void check_report(const close_report &report, const history &so_far) {
    const bool both = report.sent() && so_far.peer_has_closed;
    must((report.acknowledged() != acknowledgement::no) == both, "acknowledged if a Close frame went each way");
    must(report.clean() == (both && report.violation() == parse_error::none && !report.code_uncertain()),
         "clean if both were valid, as far as is known");
    must(report.cause() == cause::handshake || report.cause() == cause::protocol_violation ||
             report.cause() == so_far.first,
         "the first cause counts");
    must(report.cause() != cause::handshake || both || so_far.first == cause::handshake,
         "the cause is the handshake if it is complete");
    must(report.error().empty() != so_far.has_failed, "a failed attempt has an error");
    const auto code = static_cast<unsigned>(report.code());
    must(code == 1005 || code == 1006 || code == 1015 || fuzz::may_be_on_the_wire(code), "the code is one of a report");
    must(report.as<test::game_code>().has_value() == (code == 4001 || code == 4002),
         "an application finds its own codes, and no others");
    must(!name(report.acknowledged()).empty(), "whether a frame went each way has a name");
    must(report.lasted() >= 0 && (so_far.is_over || report.lasted() == 0), "a connection lasts until its end");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input     in(data, size);
    close_handshake handshake;
    history         so_far;
    std::string     final_report;
    while (!in.empty()) {
        const event           e      = fuzz::take_event(in);
        const close_handshake before = handshake;
        const fuzz::outcome   got    = fuzz::put_in(handshake, e);
        if (so_far.is_over) {
            must(!got.taken && got.step == close_step::none, "once it is over, nothing is to be done");
            must(!handshake.requested(), "once it is over, no frame waits");
            continue;
        }
        check_step(before, e, handshake, got);
        const bool had_frames  = before.report().sent() || so_far.peer_has_closed;
        so_far.peer_has_closed = so_far.peer_has_closed || e.what == event::receive || e.what == event::receive_unseen;
        so_far.has_failed      = e.what == event::connect_failed && !had_frames;
        so_far.is_over         = e.what == event::connect_failed || e.what == event::closed;
        if (so_far.first == cause::unknown)
            so_far.first = e.why;
        must((handshake.current() == state::closed) == so_far.is_over, "it is over if it has ended");
        check_report(handshake.report(), so_far);
        if (so_far.is_over)
            final_report = json(handshake.report());
    }
    must(!so_far.is_over || json(handshake.report()) == final_report, "once it is over, the report is final");
    return 0;
}
