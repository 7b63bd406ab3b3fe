// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_UTF8_HPP_INCLUDED
#define WSCLOSE_UTF8_HPP_INCLUDED

// UTF-8 for the text of a Close frame: whether it is valid, where the first error is, how much of it
// fits, and how to make any bytes valid. Nothing here throws or allocates, and the public functions are constexpr.

#include <cstddef>
#include <string_view>

#include <wsclose/detail/config.hpp>
#include <wsclose/detail/utf8_simd.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace utf8 {

/// What `validate` and `copy` return.
struct result {
    /// The length of the longest valid prefix in bytes: the offset of the first ill-formed sequence,
    /// or the length of the text if there is none.
    std::size_t offset;
    bool        valid; ///< whether the whole text is UTF-8

    constexpr explicit operator bool() const noexcept { return valid; } ///< the same as `valid`
};

/// Whether `text` is well-formed UTF-8, and the offset of the first error if it is not. No
/// overlong forms, no surrogates, nothing above U+10FFFF, nothing cut off (Unicode standard, table 3-7).
constexpr result validate(std::string_view text) noexcept;

/// Copies `text` to `out` and validates it, faster than copying and validating separately. `out` has
/// room for `text.size()` bytes and does not overlap `text`. All bytes are copied even if the text
/// is invalid; nothing is written past them, not even a terminator.
constexpr result copy(std::string_view text, char *out) noexcept;

/// The longest prefix of `text` that is valid UTF-8 and has at most `max_bytes` bytes. It never ends
/// within a code point.
constexpr std::string_view prefix(std::string_view text, std::size_t max_bytes) noexcept;

/// Writes `text` to `out` as valid UTF-8: one U+FFFD replaces each maximal ill-formed part, as the
/// Unicode standard recommends in section 3.9. Stops before the first code point that does not fit
/// into `capacity` bytes. Returns the number of bytes written; writes no terminator.
constexpr std::size_t sanitise(std::string_view text, char *out, std::size_t capacity) noexcept;

namespace detail {
    inline constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

    /// The sequence at the start of a text: well-formed, or a maximal ill-formed part (Unicode
    /// standard section 3.9, D93b).
    struct sequence {
        std::size_t length; ///< in bytes
        bool        well_formed;
    };

    /// What may follow a first byte (Unicode standard, table 3-7).
    struct lead {
        unsigned char last;   ///< the highest first byte in this row
        unsigned char length; ///< of the whole sequence; 0: no sequence begins with these bytes
        unsigned char low;    ///< the second byte lies in low to high, all further bytes in 80 to BF
        unsigned char high;
    };

    inline constexpr lead leads[] = {
        {0x7F, 1, 0, 0},       {0xC1, 0, 0, 0},       {0xDF, 2, 0x80, 0xBF}, {0xE0, 3, 0xA0, 0xBF},
        {0xEC, 3, 0x80, 0xBF}, {0xED, 3, 0x80, 0x9F}, {0xEF, 3, 0x80, 0xBF}, {0xF0, 4, 0x90, 0xBF},
        {0xF3, 4, 0x80, 0xBF}, {0xF4, 4, 0x80, 0x8F}, {0xFF, 0, 0, 0},
    };
    static_assert(leads[sizeof(leads) / sizeof(leads[0]) - 1].last == 0xFF, "classify() finds a row for every byte");

    constexpr lead classify(unsigned char first) noexcept {
        std::size_t row = 0;
        while (first > leads[row].last)
            ++row;
        return leads[row];
    }

    /// `text` must not be empty.
    constexpr sequence first_sequence(std::string_view text) noexcept {
        const lead expected = classify(static_cast<unsigned char>(text[0]));
        if (expected.length == 0)
            return {1, false};
        unsigned char low = expected.low, high = expected.high;
        for (std::size_t i = 1; i < expected.length; ++i) {
            if (i == text.size())
                return {i, false};
            const auto byte = static_cast<unsigned char>(text[i]);
            if (byte < low || byte > high)
                return {i, false};
            low  = 0x80;
            high = 0xBF;
        }
        return {expected.length, true};
    }

    constexpr result validate_by_sequences(std::string_view text) noexcept {
        std::size_t at = 0;
        while (at < text.size()) {
            if (static_cast<unsigned char>(text[at]) < 0x80) {
                ++at;
                continue;
            }
            const sequence next = first_sequence({text.data() + at, text.size() - at});
            if (!next.well_formed)
                return {at, false};
            at += next.length;
        }
        return {at, true};
    }

#if WSCLOSE_HAS_SIMD
    /// Validates a text that has no error before the sequence that the byte at `seen` starts or breaks. Never
    /// inlined, so that callers save no registers for it if there is no error.
    WSCLOSE_NOINLINE inline result validate_around(std::string_view text, std::size_t seen) noexcept {
        std::size_t start = seen; // of that sequence
        for (std::size_t back = 1; back <= 3 && back <= seen; ++back) {
            const auto byte = static_cast<unsigned char>(text[seen - back]);
            if (byte >= 0xC0)
                start = seen - back;
            if (byte < 0x80 || byte >= 0xC0)
                break;
        }
        const result rest = validate_by_sequences({text.data() + start, text.size() - start});
        return {start + rest.offset, rest.valid};
    }

    /// Not usable at compile time. Reads no further than the block of the first error.
    inline result validate_by_blocks(std::string_view text) noexcept {
        const std::size_t seen = has_simd() ? find_error(text.data(), text.size()) : 0;
        return seen > text.size() ? result{text.size(), true} : validate_around(text, seen);
    }
#endif
} // namespace detail

constexpr result validate(std::string_view text) noexcept {
#if WSCLOSE_HAS_SIMD
    if (!__builtin_is_constant_evaluated())
        return text.size() <= 128 && detail::is_ascii(text.data(), text.size()) ? result{text.size(), true}
                                                                                : detail::validate_by_blocks(text);
#endif
    return detail::validate_by_sequences(text);
}

constexpr result copy(std::string_view text, char *out) noexcept {
#if WSCLOSE_HAS_SIMD
    if (!__builtin_is_constant_evaluated())
        return detail::is_ascii<true>(text.data(), text.size(), out) ? result{text.size(), true}
                                                                     : detail::validate_by_blocks(text);
#endif
    for (const char byte : text)
        *out++ = byte;
    return detail::validate_by_sequences(text);
}

constexpr std::string_view prefix(std::string_view text, std::size_t max_bytes) noexcept {
    return {text.data(), validate({text.data(), text.size() < max_bytes ? text.size() : max_bytes}).offset};
}

constexpr std::size_t sanitise(std::string_view text, char *out, std::size_t capacity) noexcept {
    std::size_t written = 0;
    while (!text.empty()) {
        const detail::sequence next = detail::first_sequence(text);
        const std::string_view part =
            next.well_formed ? std::string_view(text.data(), next.length) : detail::replacement;
        if (part.size() > capacity - written)
            break;
        for (const char byte : part)
            out[written++] = byte;
        text.remove_prefix(next.length);
    }
    return written;
}

} // namespace utf8
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_UTF8_HPP_INCLUDED
