// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_WRITE_HPP_INCLUDED
#define WSCLOSE_DETAIL_WRITE_HPP_INCLUDED

// The parts of a line of text or JSON, written through a sink.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/detail/escape.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

using namespace std::string_view_literals; // so that `-Os` still knows their length at compile time

template <class Sink>
constexpr void write_number(std::uint64_t value, Sink &sink) {
    char        digits[20] = {};
    std::size_t at         = sizeof digits;
    do {
        digits[--at] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    sink(std::string_view(digits + at, sizeof digits - at));
}

/// Whether JSON through this sink has the names of codes: only through the sink of <wsclose/named.hpp>.
template <class Sink>
inline constexpr bool writes_names = false;

/// The name of a code in what goes through `sink`. The sink of <wsclose/named.hpp> knows more names.
template <class Sink>
constexpr std::string_view name_for(close_code code, const Sink & /*sink*/) noexcept {
    return name(code);
}

/// ` normal_closure`; nothing if the code has no name.
template <class Sink>
constexpr void write_name(close_code code, Sink &sink) {
    if (const std::string_view known = name_for(code, sink); !known.empty()) {
        sink(" "sv);
        sink(known);
    }
}

/// ` "bye"`; nothing if there is no text.
template <class Sink>
constexpr void write_reason(std::string_view reason, Sink &sink) {
    if (!reason.empty()) {
        sink(" "sv);
        write_quoted(reason, sink);
    }
}

/// `1000 normal_closure "bye"`; without the name if `before` has the same code.
template <class Sink>
constexpr void write_frame(const close_frame &frame, const close_frame *before, std::string_view note, Sink &sink) {
    const close_code code = frame.code();
    write_number(static_cast<std::uint16_t>(code), sink);
    if (!before || before->code() != code)
        write_name(code, sink);
    sink(note);
    write_reason(frame.reason(), sink);
}

/// One direction of a report, `sent 1000 normal_closure "bye"`; `before` is the frame that precedes it on the
/// line, or null.
template <class Sink>
constexpr void write_direction(const close_report &report, bool inbound, const close_frame *before, Sink &sink) {
    sink(inbound ? "received "sv : "sent "sv);
    const close_frame *frame     = inbound ? report.received() : report.sent();
    const bool         uncertain = inbound && report.code_uncertain();
    if (frame) {
        write_frame(*frame, before, uncertain ? " (or another code)"sv : ""sv, sink);
    } else if (inbound && report.violation() != parse_error::none) {
        sink("an invalid frame ("sv);
        sink(name(report.violation()));
        sink(")"sv);
    } else {
        const bool unseen = report.acknowledged() == acknowledgement::inferred;
        sink(unseen ? "an answer that was not seen"sv : "nothing"sv);
    }
}

/// Who ended a connection, in a sentence.
constexpr std::string_view words_for(initiator who) noexcept {
    switch (who) {
    case initiator::transport: break;
    case initiator::local: return "us"sv;
    case initiator::peer: return "the peer"sv;
    case initiator::library: return "the library"sv;
    }
    return "the transport"sv;
}

/// `before 503 after`; nothing if the number is 0.
template <class Sink>
constexpr void write_if_any(std::string_view before, std::uint64_t value, std::string_view after, Sink &sink) {
    if (value == 0)
        return;
    sink(before);
    write_number(value, sink);
    sink(after);
}

/// The cause, if the rest of the line does not tell it.
template <class Sink>
constexpr void write_cause(const close_report &report, bool shows_frames, Sink &sink) {
    const cause why = report.cause();
    if (why == cause::unknown || why == cause::handshake || why == cause::library ||
        (why == cause::protocol_violation && shows_frames))
        return;
    sink(" ("sv);
    sink(name(why));
    sink(")"sv);
}

/// `not connected (upgrade_refused, HTTP 503, retry after 30 s): "..."`
template <class Sink>
constexpr void write_failure(const close_report &report, Sink &sink) {
    sink("not connected"sv);
    if (report.cause() != cause::unknown) {
        sink(" ("sv);
        sink(name(report.cause()));
        write_if_any(", HTTP "sv, report.http_status(), {}, sink);
        write_if_any(", retry after "sv, report.retry_after(), " s"sv, sink);
        sink(")"sv);
    }
    sink(": "sv);
    write_quoted(report.error(), sink);
}

template <class Sink>
constexpr void write_json_name(std::string_view known, Sink &sink) {
    if (known.empty())
        sink("null"sv);
    else
        write_quoted(known, sink);
}

/// `"code":1000,"reason":"bye"`; with names, `"code":1000,"name":"normal_closure","reason":"bye"`
template <class Sink>
constexpr void write_json_members(close_code code, std::string_view reason, Sink &sink) {
    sink("\"code\":"sv);
    write_number(static_cast<std::uint16_t>(code), sink);
    if constexpr (writes_names<Sink>) {
        sink(",\"name\":"sv);
        write_json_name(name_for(code, sink), sink);
    }
    sink(",\"reason\":"sv);
    write_quoted(reason, sink);
}

template <class Sink>
constexpr void write_json_frame(const close_frame *frame, Sink &sink) {
    if (!frame) {
        sink("null"sv);
        return;
    }
    sink("{"sv);
    write_json_members(frame->code(), frame->reason(), sink);
    sink("}"sv);
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_DETAIL_WRITE_HPP_INCLUDED
