// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_ICU_UTF8_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_ICU_UTF8_HPP_INCLUDED

// What ICU says about UTF-8: the oracle for wsclose's own. U8_NEXT takes the next code point, or, as the Unicode
// standard recommends in section 3.9, the maximal ill-formed part. It is a macro: no library is linked.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <unicode/utf8.h>

namespace test {

/// What comes next in a text.
struct icu_part {
    UChar32     code_point; ///< negative if ill-formed
    std::size_t size;       ///< in bytes
};

/// `text` must not be empty.
inline icu_part next_part(std::string_view text) {
    const auto *const bytes  = reinterpret_cast<const std::uint8_t *>(text.data());
    const auto        size   = static_cast<std::int32_t>(text.size());
    std::int32_t      at     = 0;
    UChar32           result = 0;
    U8_NEXT(bytes, at, size, result);
    return {result, static_cast<std::size_t>(at)};
}

/// The offset of the first ill-formed part; the size of the text if there is none.
inline std::size_t icu_valid_prefix(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const icu_part next = next_part(text.substr(at));
        if (next.code_point < 0)
            break;
        at += next.size;
    }
    return at;
}

/// The text with one U+FFFD in place of each ill-formed part, up to the first code point that does not fit.
inline std::string icu_sanitised(std::string_view text, std::size_t capacity) {
    std::string out;
    while (!text.empty()) {
        const icu_part         next = next_part(text);
        const std::string_view part = next.code_point < 0 ? "\xEF\xBF\xBD" : text.substr(0, next.size);
        if (out.size() + part.size() > capacity)
            break;
        out += part;
        text.remove_prefix(next.size);
    }
    return out;
}

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_ICU_UTF8_HPP_INCLUDED
