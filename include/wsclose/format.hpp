// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_FORMAT_HPP_INCLUDED
#define WSCLOSE_FORMAT_HPP_INCLUDED

// Codes, frames and reports as one line of text or of JSON that is safe in a log: whatever a peer
// put into its text, it can neither break the line nor make it look like another one.
// (For std::format include <wsclose/std_format.hpp>.)

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>

namespace wsclose {

namespace detail {
    using namespace std::string_view_literals; // their length is constant wherever they are optimised for size

    /// Whether a code point can break a line or deceive the eye: controls, line and paragraph
    /// separators, and the bidirectional controls of Unicode standard annex 9.
    constexpr bool is_unsafe(char32_t c) noexcept {
        return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
               (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    }

    /// A code point and the length of its sequence in bytes.
    struct code_point {
        char32_t    value;
        std::size_t length;
    };

    /// The first code point of valid UTF-8; 0xFFFFFF for one of four bytes, none of which is unsafe.
    constexpr code_point first_code_point(std::string_view text) noexcept {
        const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        if (byte(0) < 0x80)
            return {byte(0), 1};
        if (byte(0) < 0xE0)
            return {char32_t{byte(0) & 0x1Fu} << 6 | (byte(1) & 0x3Fu), 2};
        if (byte(0) < 0xF0)
            return {char32_t{byte(0) & 0x0Fu} << 12 | char32_t{byte(1) & 0x3Fu} << 6 | (byte(2) & 0x3Fu), 3};
        return {0xFFFFFF, 4};
    }

    /// Writes valid UTF-8 in quotes, escaped as a JSON string is.
    template <class Sink>
    constexpr void write_quoted(std::string_view text, Sink &sink) {
        sink("\""sv);
        while (!text.empty()) {
            auto [c, length] = first_code_point(text);
            const std::string_view sequence(text.data(), length);
            if (c == U'"' || c == U'\\')
                sink("\\"sv);
            if (is_unsafe(c)) {
                char escape[] = "\\u0000";
                for (std::size_t i = 5; c != 0; c >>= 4)
                    escape[i--] = "0123456789abcdef"[c & 15];
                sink(std::string_view(escape, 6));
            } else {
                sink(sequence);
            }
            text.remove_prefix(length);
        }
        sink("\""sv);
    }

    template <class Sink>
    constexpr void write_number(std::uint16_t value, Sink &sink) {
        char        digits[5] = {};
        std::size_t at        = sizeof digits;
        do {
            digits[--at] = static_cast<char>('0' + value % 10);
            value        = static_cast<std::uint16_t>(value / 10);
        } while (value != 0);
        sink(std::string_view(digits + at, sizeof digits - at));
    }

    /// `1000 normal_closure "bye"`
    template <class Sink>
    constexpr void write_code_and_reason(close_code code, std::string_view reason, Sink &sink) {
        write_number(static_cast<std::uint16_t>(code), sink);
        if (const std::string_view known = name(code); !known.empty()) {
            sink(" "sv);
            sink(known);
        }
        if (!reason.empty()) {
            sink(" "sv);
            write_quoted(reason, sink);
        }
    }

    /// `"code":1000,"reason":"bye"`
    template <class Sink>
    constexpr void write_json_members(close_code code, std::string_view reason, Sink &sink) {
        sink("\"code\":"sv);
        write_number(static_cast<std::uint16_t>(code), sink);
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

    template <class Sink>
    constexpr void write_json_name(std::string_view known, Sink &sink) {
        if (known.empty())
            sink("null"sv);
        else
            write_quoted(known, sink);
    }
} // namespace detail

/// Writes `1000 normal_closure` through `sink`, a function that takes pieces as `std::string_view`.
template <class Sink>
constexpr void write_text(close_code code, Sink &&sink) {
    detail::write_code_and_reason(code, {}, sink);
}

/// Writes `1000 normal_closure "bye"` through `sink`.
template <class Sink>
constexpr void write_text(const close_frame &frame, Sink &&sink) {
    detail::write_code_and_reason(frame.code(), frame.reason(), sink);
}

/// Writes a report as one line, without a line break, through `sink`:
/// `closed cleanly by peer: 1000 normal_closure "bye"`.
template <class Sink>
constexpr void write_text(const close_report &report, Sink &&sink) {
    using namespace std::string_view_literals;
    if (!report.error().empty()) {
        sink("not connected: "sv);
        detail::write_quoted(report.error(), sink);
        return;
    }
    const bool answered = report.acknowledged() != acknowledgement::no;
    sink(report.clean()                        ? "closed cleanly by "sv
         : answered && report.code_uncertain() ? "closed by "sv // whether cleanly is not known
                                               : "closed, not cleanly, by "sv);
    sink(name(report.initiator()));
    sink(": "sv);
    const bool  peer_first = report.initiator() == initiator::peer;
    const auto  violation  = name(report.violation());
    const auto *received   = report.received();
    const auto *sent       = report.sent();
    const bool  refused    = peer_first && !violation.empty();
    if (refused)
        sink(violation);
    if (refused && sent)
        sink("; answered "sv);
    if (!refused || sent)
        detail::write_code_and_reason(report.code(), report.reason(), sink);
    if (!peer_first && !violation.empty()) {
        sink("; answered with "sv);
        sink(violation);
    }
    if (received && sent && *received != *sent) {
        sink("; answered "sv);
        const close_frame &answer = peer_first ? *sent : *received;
        detail::write_code_and_reason(answer.code(), answer.reason(), sink);
    }
    if (sent && report.acknowledged() == acknowledgement::no)
        sink("; not answered"sv);
    if (report.acknowledged() == acknowledgement::inferred)
        sink("; answer inferred"sv);
    if (report.code_uncertain())
        sink("; the peer's code may have been another"sv);
}

/// Writes `{"code":1000,"reason":"bye"}` through `sink`; an empty frame has the code 1005.
template <class Sink>
constexpr void write_json(const close_frame &frame, Sink &&sink) {
    detail::write_json_frame(&frame, sink);
}

/// Writes a report as the members of a JSON object, without the braces, so that others can stand
/// beside them. `code_uncertain` is there only where it is true, `error` only where the connection never
/// came about.
template <class Sink>
constexpr void write_json_members(const close_report &report, Sink &&sink) {
    using namespace std::string_view_literals;
    detail::write_json_members(report.code(), report.reason(), sink);
    sink(report.clean() ? ",\"clean\":true"sv : ",\"clean\":false"sv);
    sink(",\"initiator\":"sv);
    detail::write_json_name(name(report.initiator()), sink);
    sink(",\"received\":"sv);
    detail::write_json_frame(report.received(), sink);
    sink(",\"sent\":"sv);
    detail::write_json_frame(report.sent(), sink);
    sink(",\"violation\":"sv);
    detail::write_json_name(name(report.violation()), sink);
    if (report.code_uncertain())
        sink(",\"code_uncertain\":true"sv);
    if (!report.error().empty()) {
        sink(",\"error\":"sv);
        detail::write_quoted(report.error(), sink);
    }
}

/// Writes a report as one JSON object on one line through `sink`.
template <class Sink>
constexpr void write_json(const close_report &report, Sink &&sink) {
    using namespace std::string_view_literals;
    sink("{"sv);
    write_json_members(report, sink);
    sink("}"sv);
}

/// A code, a frame or a report as text in a buffer of its own, terminated by a NUL: for C's
/// interfaces. Large enough for any of them, so nothing is ever cut.
class text_line {
public:
    template <class Value>
    explicit constexpr text_line(const Value &value) noexcept {
        write_text(value, [this](std::string_view piece) {
            for (const char c : piece)
                text_[size_++] = c;
        });
    }

    constexpr const char      *c_str() const noexcept { return text_; }
    constexpr std::string_view view() const noexcept { return {text_, size_}; }

private:
    // Two texts, each byte of which may become an escape of six, and the words around them.
    static constexpr std::size_t capacity = 2 * 6 * max_reason_size + 256;

    char        text_[capacity] = {};
    std::size_t size_           = 0;
};

/// `stream << value` writes what `write_text` writes.
template <class Value, class Traits>
auto operator<<(std::basic_ostream<char, Traits> &stream, const Value &value)
    -> std::enable_if_t<std::is_same_v<Value, close_code> || std::is_same_v<Value, close_frame> ||
                            std::is_same_v<Value, close_report>,
                        std::basic_ostream<char, Traits> &> {
    write_text(value, [&stream](std::string_view piece) {
        stream.write(piece.data(), static_cast<std::ptrdiff_t>(piece.size()));
    });
    return stream;
}

} // namespace wsclose

#endif // WSCLOSE_FORMAT_HPP_INCLUDED
