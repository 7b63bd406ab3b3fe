// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_FORMAT_HPP_INCLUDED
#define WSCLOSE_FORMAT_HPP_INCLUDED

// Codes, frames and reports as one line of text or JSON that is safe in a log: nothing that a peer
// writes can break the line or forge another. <wsclose/std_format.hpp> adds std::format, and
// <wsclose/fmt_format.hpp> {fmt}.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/detail/config.hpp>
#include <wsclose/detail/write.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// Writes `1000 normal_closure` through `sink`, a function that takes pieces as `std::string_view`.
template <class Sink>
constexpr void write_text(close_code code, Sink &&sink) {
    detail::write_number(static_cast<std::uint16_t>(code), sink);
    detail::write_name(code, sink);
}

/// Writes `1000 normal_closure "bye"` through `sink`.
template <class Sink>
constexpr void write_text(const close_frame &frame, Sink &&sink) {
    detail::write_frame(frame, nullptr, {}, sink);
}

/// Writes a report as one line, without a line break, through `sink`. It says who ended the connection,
/// whether cleanly, what was sent and received, in order, then the cause, if it is not clear from that, and for how
/// many seconds it was open:
///
///     closed cleanly by us: sent 1001 going_away "bye", received 1001 "bye" after 12 s
///     closed by us, not cleanly: sent 1001 going_away "bye", received nothing (no_answer) after 12 s
///     closed by the peer, not cleanly: received an invalid frame (truncated_code), sent 1002 protocol_error
///     closed by the peer: received 1002 protocol_error (or another code), sent 1002
///     closed by the transport, not cleanly: 1006 abnormal_closure (reset)
///     not connected (refused): "connection refused"
///     not connected (upgrade_refused, HTTP 503, retry after 30 s): "response not 101"
///
/// The fourth does not say whether the close was clean: with an uncertain code, that is unknown.
template <class Sink>
constexpr void write_text(const close_report &report, Sink &&sink) {
    using namespace std::string_view_literals;
    if (!report.error().empty())
        return detail::write_failure(report, sink);
    const bool clean   = report.clean();
    const bool unknown = report.code_uncertain() && report.acknowledged() != acknowledgement::no;
    sink(clean ? "closed cleanly by "sv : "closed by "sv);
    sink(detail::words_for(report.initiator()));
    sink(clean || unknown ? ": "sv : ", not cleanly: "sv);
    const bool         inbound_first = report.initiator() == initiator::peer;
    const close_frame *first         = inbound_first ? report.received() : report.sent();
    const bool         shows_frames  = report.sent() || report.received() || report.violation() != parse_error::none;
    if (shows_frames) {
        detail::write_direction(report, inbound_first, nullptr, sink);
        sink(", "sv);
        detail::write_direction(report, !inbound_first, first, sink);
    } else {
        write_text(report.code(), sink);
    }
    detail::write_cause(report, shows_frames, sink);
    detail::write_if_any(" after "sv, static_cast<std::uint64_t>(report.lasted()) / 1000, " s"sv, sink);
}

/// Writes `{"code":1000,"reason":"bye"}` through `sink`; an empty frame has the code 1005.
template <class Sink>
constexpr void write_json(const close_frame &frame, Sink &&sink) {
    detail::write_json_frame(&frame, sink);
}

/// Writes a report as the members of a JSON object, without the braces, so that you can add your own. `inferred` (the
/// peer's frame arrived unread) and `code_uncertain` appear only if true. `error` appears only if there was no
/// connection, then `http_status` and `retry_after` if the server gave them; otherwise `lasted_ms`.
template <class Sink>
constexpr void write_json_members(const close_report &report, Sink &&sink) {
    using namespace std::string_view_literals;
    detail::write_json_members(report.code(), report.reason(), sink);
    sink(report.clean() ? ",\"clean\":true"sv : ",\"clean\":false"sv);
    sink(",\"initiator\":"sv);
    detail::write_json_name(name(report.initiator()), sink);
    sink(",\"cause\":"sv);
    detail::write_json_name(name(report.cause()), sink);
    sink(",\"received\":"sv);
    detail::write_json_frame(report.received(), sink);
    sink(",\"sent\":"sv);
    detail::write_json_frame(report.sent(), sink);
    sink(",\"violation\":"sv);
    detail::write_json_name(name(report.violation()), sink);
    if (report.acknowledged() == acknowledgement::inferred)
        sink(",\"inferred\":true"sv);
    if (report.code_uncertain())
        sink(",\"code_uncertain\":true"sv);
    if (report.error().empty()) {
        sink(",\"lasted_ms\":"sv);
        detail::write_number(static_cast<std::uint64_t>(report.lasted()), sink);
        return;
    }
    sink(",\"error\":"sv);
    detail::write_quoted(report.error(), sink);
    detail::write_if_any(",\"http_status\":"sv, report.http_status(), {}, sink);
    detail::write_if_any(",\"retry_after\":"sv, report.retry_after(), {}, sink);
}

/// Writes a report as one JSON object on one line through `sink`.
template <class Sink>
constexpr void write_json(const close_report &report, Sink &&sink) {
    using namespace std::string_view_literals;
    sink("{"sv);
    write_json_members(report, sink);
    sink("}"sv);
}

/// A code, a frame or a report as text in a buffer of its own, NUL-terminated, for C interfaces.
/// The buffer holds the longest of them, so nothing is ever cut.
class text_line {
public:
    /// Writes `value`, as `write_text` does: a `close_code`, `close_frame`, `close_report`, or what `named` returns.
    template <class Value>
    explicit constexpr text_line(const Value &value) noexcept {
        write_text(value, out_);
    }

    constexpr const char      *c_str() const noexcept { return out_.text; }             ///< valid while this lives
    constexpr std::string_view view() const noexcept { return {out_.text, out_.size}; } ///< the same, with its length

private:
    // Two texts, each byte of which may become six (a control; a code point of four bytes becomes twelve), and
    // the words around them, 219 bytes at most:
    // `closed by the library, not cleanly: ` has 36, `sent 1010 mandatory_extension ""` 32,
    // `, received 1010 mandatory_extension (or another code) ""` 56, ` (context_destroyed) after 42949672 s` 37, and
    // each name of an application's may have 48, 29 more than mandatory_extension.
    static constexpr std::size_t capacity = 12 * max_reason_size + 256;

    struct sink {
        char        text[capacity] = {};
        std::size_t size           = 0;

        WSCLOSE_NOINLINE constexpr void operator()(std::string_view piece) noexcept {
            for (const char c : piece)
                text[size++] = c;
        }
    };

    sink out_;
};

/// `stream << value` writes what `write_text` writes, in one piece, so padding applies.
template <class Value, class Traits>
auto operator<<(std::basic_ostream<char, Traits> &stream, const Value &value)
    -> std::enable_if_t<std::is_same_v<Value, close_code> || std::is_same_v<Value, close_frame> ||
                            std::is_same_v<Value, close_report>,
                        std::basic_ostream<char, Traits> &> {
    const text_line line(value);
    return stream << std::basic_string_view<char, Traits>(line.c_str(), line.view().size());
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_FORMAT_HPP_INCLUDED
