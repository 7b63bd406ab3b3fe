// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_TRUTH_JUDGE_HPP_INCLUDED
#define WSCLOSE_TESTS_TRUTH_JUDGE_HPP_INCLUDED

// Holds what was on the wire against what was reported.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wsclose.hpp>

#include "support/frame.hpp"
#include "support/raw_peer.hpp"
#include "truth/scenario.hpp"

namespace truth {

/// What the peer saw and did.
struct evidence {
    std::string              wire; ///< all that came from lws behind the handshake
    test::stream_end         end = test::stream_end::never;
    std::vector<std::string> closes;           ///< the bodies of the Close frames that the peer sent
    bool                     too_long = false; ///< one of them was longer than a control frame may be
    bool                     strange  = false; ///< it sent bytes that nobody has chosen
    bool                     broke    = false; ///< and broke the protocol, or ended TCP, before the last of them
    bool                     fin      = false; ///< ended TCP
    bool                     reset    = false; ///< reset it, and saw no more
};

/// What the wire holds.
struct wire {
    std::vector<std::string> closes;                    ///< the bodies of the Close frames
    bool                     bad               = false; ///< what is no frame
    bool                     more_behind_close = false;
    bool                     masked            = false; ///< a frame is
    bool                     unmasked          = false; ///< a frame is not
};

inline wire read_wire(std::string_view bytes) {
    wire w;
    for (test::frame_view next(bytes); next.has_opcode(); next = test::frame_view(bytes)) {
        const int opcode                           = next.opcode();
        (next.is_masked() ? w.masked : w.unmasked) = true;
        if (!w.closes.empty() && opcode != 10)
            w.more_behind_close = true;
        if ((opcode > 2 && opcode < 8) || opcode > 10 || next.has_reserved_bits())
            w.bad = true;
        if (w.bad || !next.is_whole())
            break;
        if (opcode == 8)
            w.closes.push_back(next.payload());
        bytes.remove_prefix(next.size());
    }
    return w;
}

inline std::string_view bytes_of(const wsclose::close_frame &frame) { return {frame.data(), frame.size()}; }

/// Whether the report's frame may be what lws made of one of the peer's.
inline bool may_stand_for(const wsclose::close_report &report, std::string_view sent_by_peer) {
    const std::string_view told = bytes_of(*report.received());
    return told == sent_by_peer || (report.code_uncertain() && told.size() >= 2 && sent_by_peer.size() >= 2 &&
                                    report.received()->code() == wsclose::close_code::protocol_error &&
                                    told.substr(2) == sent_by_peer.substr(2));
}

/// Whether this violation may be what is reported of the peer's frame: of two, lws hides a forbidden code.
inline bool may_stand_for(wsclose::parse_error violation, const std::string &sent_by_peer) {
    using wsclose::close_frame, wsclose::parse_error;
    return close_frame::parse(sent_by_peer).error == violation ||
           (violation == parse_error::invalid_utf8 && sent_by_peer.size() > 2 &&
            close_frame::parse("\x03\xEA" + sent_by_peer.substr(2)).error == violation);
}

/// Whether something happened that the cause may be of.
inline bool may_be(wsclose::cause why, const scenario &s, const evidence &e, bool acted, bool killed, bool over_tcp) {
    using wsclose::cause;
    const bool peer_violates =
        e.too_long || e.strange ||
        std::any_of(e.closes.begin(), e.closes.end(),
                    [](const std::string &body) { return !wsclose::close_frame::parse(body); }) ||
        std::any_of(s.peer.begin(), s.peer.end(), [](const peer_action &p) {
            return p.what == step::rsv_bits || p.what == step::bad_opcode || p.what == step::bad_continuation;
        });
    switch (why) {
    case cause::handshake: return !e.closes.empty();
    case cause::dropped: return acted;
    case cause::context_destroyed: return killed;
    case cause::fin:
    case cause::reset: return e.fin || e.reset;
    case cause::protocol_violation: return peer_violates;
    case cause::no_answer: return acted;
    case cause::not_reading: // an lws client fails the connection without a frame, and first flushes what it holds
        return acted || !e.closes.empty() || (peer_violates && s.rest == manner::deaf);
    case cause::library: // lws does not always say of what, and before 4.4 a server that holds data hides the peer's
                         // close
        return acted || killed || peer_violates || !e.closes.empty();
    case cause::unknown: return !over_tcp;
    default: return false; // the peer's process and the network are well, and nobody pings
    }
}

/// What is wrong; empty if nothing is.
inline std::string judge(const scenario &s, const evidence &e, const wsclose::close_report &report, bool acted,
                         bool killed, bool over_tcp, double seconds) {
    using namespace wsclose;
    const wire w          = read_wire(e.wire);
    const bool saw_all    = e.end == test::stream_end::fin;
    const auto sender     = s.lws_is == role::server ? wsclose::role::server : wsclose::role::client;
    const bool peer_valid = !e.closes.empty() && close_frame::parse(e.closes[0]).error == parse_error::none;
    if (w.bad)
        return "what is no frame on the wire";
    if (s.lws_is == role::server ? w.masked : w.unmasked)
        return "a frame with the mask wrong on the wire";
    if (w.closes.size() > 1)
        return "two Close frames on the wire";
    if (w.more_behind_close)
        return "more than pongs behind the Close frame";
    if (w.closes.size() == 1) {
        const parse_result parsed = close_frame::parse(w.closes[0]);
        if (!parsed || (parsed.frame.has_code() && !is_sendable(parsed.frame.code(), sender)))
            return "an invalid Close frame on the wire";
        if (!report.sent())
            return "a Close frame on the wire, and sent() is null";
        if (bytes_of(*report.sent()) != w.closes[0])
            return "another Close frame on the wire than sent()";
    } else if (report.sent() && saw_all) {
        return "no Close frame on the wire, and sent() is one";
    }
    if (report.received()) {
        bool found = false;
        for (const std::string &body : e.closes)
            found = found || may_stand_for(report, body);
        if (!found)
            return "received() was never sent";
    }
    if (report.violation() != parse_error::none) {
        bool found = false;
        for (const std::string &body : e.closes)
            found = found || may_stand_for(report.violation(), body);
        if (!found)
            return "a violation that was never sent";
    }
    if (report.clean() && (e.closes.empty() || (saw_all && w.closes.empty())))
        return "clean, and not both frames went";
    const bool in_time = !s.hurries || report.cause() != cause::no_answer; // a busy machine may keep the peer
    if (!report.clean() && !report.code_uncertain() && w.closes.size() == 1 && peer_valid && !e.broke && !e.reset &&
        !killed && in_time)
        return "both frames went, and it is not clean";
    if (report.initiator() == initiator::peer && e.closes.empty() && !e.too_long)
        return "by the peer, which sent no Close frame";
    if (report.initiator() == initiator::local && !acted)
        return "by the program, which did nothing";
    if (!may_be(report.cause(), s, e, acted, killed, over_tcp))
        return "of the cause " + std::string(name(report.cause())) + ", which did not happen";
    if (!report.error().empty())
        return "a failed attempt, which was established";
    if (seconds > 17)
        return "it took " + std::to_string(seconds) + " s";
    return {};
}

} // namespace truth

#endif // WSCLOSE_TESTS_TRUTH_JUDGE_HPP_INCLUDED
