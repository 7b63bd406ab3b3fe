// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_ESCAPE_HPP_INCLUDED
#define WSCLOSE_DETAIL_ESCAPE_HPP_INCLUDED

// Text in quotes, as JSON writes it, in which nothing can break a line, hide or deceive the eye.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <wsclose/version.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// The code points from `first` to `last` in 32 bits: at most 4096 of them, all below U+100000.
constexpr std::uint32_t code_points(std::uint32_t first, std::uint32_t last) noexcept {
    return first << 12 | (last - first);
}

/// What is escaped: controls, line and paragraph separators, bidi controls (UAX #9), and everything that is
/// invisible by default (Default_Ignorable_Code_Point in Unicode 16.0, DerivedCoreProperties.txt).
inline constexpr std::uint32_t unsafe_ranges[] = {
    code_points(0x0000, 0x001F),   // controls
    code_points(0x007F, 0x009F),   // delete, and the controls of Latin-1
    code_points(0x00AD, 0x00AD),   // soft hyphen
    code_points(0x034F, 0x034F),   // combining grapheme joiner
    code_points(0x061C, 0x061C),   // Arabic letter mark
    code_points(0x115F, 0x1160),   // Hangul fillers
    code_points(0x17B4, 0x17B5),   // Khmer inherent vowels
    code_points(0x180B, 0x180F),   // Mongolian variation selectors and vowel separator
    code_points(0x200B, 0x200F),   // zero width space, joiners and direction marks
    code_points(0x2028, 0x202E),   // line and paragraph separators, bidi embeddings and overrides
    code_points(0x2060, 0x206F),   // word joiner, invisible operators, bidi isolates, deprecated controls
    code_points(0x3164, 0x3164),   // Hangul filler
    code_points(0xFE00, 0xFE0F),   // variation selectors
    code_points(0xFEFF, 0xFEFF),   // byte order mark
    code_points(0xFFA0, 0xFFA0),   // halfwidth Hangul filler
    code_points(0xFFF0, 0xFFF8),   // reserved
    code_points(0x1BCA0, 0x1BCA3), // shorthand controls
    code_points(0x1D173, 0x1D17A), // musical beams, ties and slurs
    code_points(0xE0000, 0xE0FFF), // tags, variation selectors, reserved
};

/// Whether `c` is escaped. Quotes and backslashes are not: they get a backslash.
constexpr bool is_unsafe(char32_t c) noexcept {
    for (const std::uint32_t range : unsafe_ranges)
        if (c - (range >> 12) <= (range & 0xFFF))
            return true;
    return false;
}

/// Takes the first code point off valid UTF-8.
constexpr char32_t take_code_point(std::string_view &text) noexcept {
    const auto  byte   = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::size_t length = 1;
    char32_t    value = byte(0), mask = 0x7F;
    for (unsigned lead = byte(0); lead >= 0xC0; lead = lead << 1 & 0xFF) { // each bit set promises a byte
        value = value << 6 | (byte(length++) & 0x3Fu);
        mask  = mask << 5 | 0x1F;
    }
    text.remove_prefix(length);
    return value & mask;
}

/// Writes a code point in hexadecimal as JSON does: above U+FFFF, as two surrogates.
template <class Sink>
constexpr void write_escaped(char32_t c, Sink &sink) {
    if (c > 0xFFFF) // two units of UTF-16, the first in the low half
        c = (0xDC00 | (c & 0x3FF)) << 16 | (0xD7C0 + (c >> 10));
    do {
        char escape[] = "\\u000"; // the last digit takes the place of the NUL
        for (int at = 5; at > 1; --at, c >>= 4)
            escape[at] = "0123456789abcdef"[c & 15];
        sink(std::string_view(escape, 6));
    } while (c != 0);
}

/// Writes valid UTF-8 in quotes, escaped as a JSON string is.
template <class Sink>
constexpr void write_quoted(std::string_view text, Sink &sink) {
    using namespace std::string_view_literals;
    sink("\""sv);
    while (!text.empty()) {
        const std::string_view rest = text;
        const char32_t         c    = take_code_point(text);
        if (c == U'"' || c == U'\\')
            sink("\\"sv);
        if (is_unsafe(c))
            write_escaped(c, sink);
        else
            sink(std::string_view(rest.data(), rest.size() - text.size()));
    }
    sink("\""sv);
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_DETAIL_ESCAPE_HPP_INCLUDED
