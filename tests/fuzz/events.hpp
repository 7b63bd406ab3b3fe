// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_FUZZ_EVENTS_HPP_INCLUDED
#define WSCLOSE_TESTS_FUZZ_EVENTS_HPP_INCLUDED

// Everything that can happen to a close_handshake, taken from an input.

#include <cstdint>
#include <string>

#include <wsclose/close_handshake.hpp>

#include "fuzz/fuzz.hpp"

namespace fuzz {

struct event {
    enum kind : std::uint8_t {
        request,
        fail,
        send_own,
        send,
        lose,
        receive,
        receive_unseen,
        established,
        ends_by,
        closed,
        connect_failed,
        kind_count
    };

    kind                  what;
    wsclose::close_frame  frame  = {}; ///< of `request`, `fail` and `send_own`
    wsclose::parse_result read   = {}; ///< of `receive`
    bool                  doubt  = false;
    wsclose::cause        why    = wsclose::cause::unknown;
    std::int64_t          now    = 0;
    std::string           words  = {};
    std::uint16_t         status = 0;
    std::uint32_t         after  = 0;
};

inline event take_event(input &in) {
    event e{in.one_of<event::kind>(event::kind_count)};
    switch (e.what) {
    case event::request:
    case event::fail:
    case event::send_own: {
        const auto code = wsclose::close_code{in.number<std::uint16_t>()};
        if (static_cast<unsigned>(code) != 1005) // the empty frame
            e.frame = wsclose::close_frame::fit(code, in.text().view());
        break;
    }
    case event::receive:
        e.doubt = in.number() % 2 != 0;
        e.read  = wsclose::close_frame::parse(in.text().view());
        break;
    case event::established: e.now = in.number<std::int64_t>(); break;
    case event::ends_by: e.why = in.one_of<wsclose::cause>(wsclose::cause_count); break;
    case event::closed:
        e.why = in.one_of<wsclose::cause>(wsclose::cause_count);
        e.now = in.number<std::int64_t>();
        break;
    case event::connect_failed:
        e.why    = in.one_of<wsclose::cause>(wsclose::cause_count);
        e.status = in.number<std::uint16_t>();
        e.after  = in.number<std::uint32_t>();
        e.words  = in.text().view();
        break;
    default: break;
    }
    return e;
}

/// What a handshake returned: whether it took a request, or which step it asks for.
struct outcome {
    bool                taken = false;
    wsclose::close_step step  = wsclose::close_step::none;
};

inline outcome put_in(wsclose::close_handshake &handshake, const event &e) {
    switch (e.what) {
    case event::request: return {handshake.request(e.frame)};
    case event::fail: return {handshake.fail(e.frame)};
    case event::send_own: return {false, handshake.send(e.frame)};
    case event::send: return {false, handshake.send()};
    case event::lose: handshake.lose(); break;
    case event::receive: return {false, handshake.receive(e.read, e.doubt)};
    case event::receive_unseen: return {false, handshake.receive_unseen()};
    case event::established: handshake.established(e.now); break;
    case event::ends_by: handshake.ends_by(e.why); break;
    case event::closed: handshake.transport_closed(e.why, e.now); break;
    case event::connect_failed: handshake.connect_failed({e.words, e.why, e.status, e.after}); break;
    case event::kind_count: break;
    }
    return {};
}

/// A report, after up to eight events.
inline wsclose::close_report take_report(input &in) {
    wsclose::close_handshake handshake;
    for (int i = 0; i < 8 && !in.empty(); ++i)
        put_in(handshake, take_event(in));
    return handshake.report();
}

} // namespace fuzz

#endif // WSCLOSE_TESTS_FUZZ_EVENTS_HPP_INCLUDED
