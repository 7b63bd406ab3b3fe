// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace wsclose;
using namespace std::string_view_literals;

namespace {

std::string sanitised(std::string_view text, std::size_t capacity = 1000) {
    std::string out(capacity, '#');
    out.resize(utf8::sanitise(text, out.data(), capacity));
    return out;
}

/// What `copy` did with a text, between bytes that it must not touch.
struct copied {
    utf8::result result;
    std::string  out;
    bool         stayed_inside;

    explicit copied(std::string_view text) : out(text.size() + 64, '#') {
        result = utf8::copy(text, out.data() + 32);
        stayed_inside =
            out.substr(0, 32) == std::string(32, '#') && out.substr(32 + text.size()) == std::string(32, '#');
        out = out.substr(32, text.size());
    }
};

/// Whether `copy` copies the whole text, and no more, and finds what `validate` finds.
bool copies_and_validates(std::string_view text) {
    const copied       copy(text);
    const utf8::result expected = utf8::validate(text);
    return copy.out == text && copy.stayed_inside && copy.result.valid == expected.valid &&
           copy.result.offset == expected.offset;
}

constexpr bool is_ascending_from_0_to_ff() {
    int last = -1;
    for (const utf8::detail::lead &row : utf8::detail::leads) {
        if (row.last <= last)
            return false;
        last = row.last;
    }
    return last == 0xFF;
}

constexpr bool is_copied_by_the_compiler(std::string_view text) {
    char       out[64] = {};
    const bool valid   = utf8::copy(text, out).valid;
    return valid && std::string_view(out, text.size()) == text && out[text.size()] == 0;
}

// A second opinion, by arithmetic instead of by table: decode, then refuse what is overlong, a
// surrogate or too large.
bool is_valid_by_decoding(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const unsigned first  = static_cast<unsigned char>(text[i]);
        const unsigned length = first < 0x80       ? 1
                                : first >> 5 == 6  ? 2
                                : first >> 4 == 14 ? 3
                                : first >> 3 == 30 ? 4
                                                   : 0;
        if (length == 0 || i + length > text.size())
            return false;
        unsigned value = length == 1 ? first : first & (0x7Fu >> length);
        for (unsigned k = 1; k < length; ++k) {
            const unsigned next = static_cast<unsigned char>(text[i + k]);
            if (next >> 6 != 2)
                return false;
            value = value << 6 | (next & 0x3F);
        }
        static constexpr unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
        if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
            return false;
        i += length;
    }
    return true;
}

} // namespace

TEST_CASE("well-formed text of every length class is valid") {
    for (const auto text : {""sv, "a"sv, "\0"sv, "\x7F"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv,
                            "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv,
                            "\xF4\x8F\xBF\xBF"sv, "gr\xC3\xBC\xC3\x9F, \xE6\x97\xA5\xE6\x9C\xAC, \xF0\x9F\x98\x80"sv}) {
        CAPTURE(text);
        const utf8::result result = utf8::validate(text);
        CHECK(result);
        CHECK(result.offset == text.size());
    }
}

TEST_CASE("each kind of ill-formed text in table 3-7 is found at its first byte") {
    struct {
        std::string_view what, text;
    } const cases[] = {
        {"lone continuation byte", "\x80"},
        {"last continuation byte", "\xBF"},
        {"overlong two bytes", "\xC0\x80"},
        {"overlong two bytes", "\xC1\xBF"},
        {"overlong three bytes", "\xE0\x9F\xBF"},
        {"first surrogate", "\xED\xA0\x80"},
        {"last surrogate", "\xED\xBF\xBF"},
        {"overlong four bytes", "\xF0\x8F\xBF\xBF"},
        {"above U+10FFFF", "\xF4\x90\x80\x80"},
        {"five byte form", "\xF5\x80\x80\x80"},
        {"never a byte of UTF-8", "\xFE"},
        {"never a byte of UTF-8", "\xFF"},
        {"two bytes cut off", "\xC3"},
        {"three bytes cut off after one", "\xE6"},
        {"three bytes cut off after two", "\xE6\x97"},
        {"four bytes cut off after three", "\xF0\x9F\x98"},
        {"continuation byte missing", "\xC3("},
        {"second continuation byte missing", "\xE6\x97("},
        {"third continuation byte missing", "\xF0\x9F\x98("},
    };
    for (const auto &[what, text] : cases) {
        CAPTURE(what);
        for (const auto before : {""sv, "ok"sv, "\xE6\x97\xA5"sv}) {
            const utf8::result result = utf8::validate(std::string(before).append(text));
            CHECK_FALSE(result);
            CHECK(result.offset == before.size());
        }
    }
}

TEST_CASE("all sequences of up to three bytes agree with decoding them") {
    for (unsigned value = 0; value < 1u << 24; ++value) {
        const char bytes[] = {static_cast<char>(value), static_cast<char>(value >> 8), static_cast<char>(value >> 16)};
        const size_t           length = value < 1u << 8 ? 1 : value < 1u << 16 ? 2 : 3;
        const std::string_view text(bytes, length);
        if (utf8::validate(text).valid != is_valid_by_decoding(text)) {
            FAIL("bytes " << value);
        }
    }
}

TEST_CASE("every first byte has its row in the table") {
    static_assert(is_ascending_from_0_to_ff());
    for (int first = 0; first <= 0xFF; ++first) {
        CAPTURE(first);
        const int length = first < 0x80   ? 1
                           : first < 0xC2 ? 0
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF5 ? 4
                                          : 0;
        CHECK(utf8::detail::classify(static_cast<unsigned char>(first)).length == length);
    }
}

TEST_CASE("a copy is the whole text and nothing behind it, at every length") {
    for (std::size_t size = 0; size <= 300; ++size) {
        CAPTURE(size);
        CHECK(copies_and_validates(std::string(size, 'a')));
        std::string text;
        while (text.size() < size)
            text += static_cast<char>('a' + text.size() % 26);
        CHECK(copies_and_validates(text));
        for (const auto next : {"\xC3\xBC"sv, "\xE6\x97\xA5"sv, "\xF0\x9F\x98\x80"sv}) {
            text.clear();
            while (text.size() < size)
                text += next;
            text.resize(size); // cut off within a code point, or not
            CHECK(copies_and_validates(text));
        }
    }
}

TEST_CASE("an error anywhere in a text is found while it is copied, and the copy is whole") {
    for (std::size_t size = 1; size <= 128; ++size)
        for (std::size_t at = 0; at < size; ++at)
            for (const char wrong : {'\x80', '\xC3', '\xE6', '\xF0', '\xFF'}) {
                std::string text(size, 'a');
                text[at] = wrong;
                const copied copy(text);
                if (copy.result || copy.result.offset != at || copy.out != text || !copy.stayed_inside)
                    FAIL("byte " << at << " of " << size);
            }
}

TEST_CASE("a copy may be empty, of no text at all, to nowhere") {
    const utf8::result result = utf8::copy({}, nullptr);
    CHECK(result);
    CHECK(result.offset == 0);
}

TEST_CASE("a prefix never ends within a code point") {
    const auto        text       = "a\xC3\xBC\xE6\x97\xA5\xF0\x9F\x98\x80"sv; // 1 + 2 + 3 + 4 bytes
    const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (std::size_t limit = 0; limit < 12; ++limit) {
        CAPTURE(limit);
        CHECK(utf8::prefix(text, limit).size() == expected[limit]);
    }
    CHECK(utf8::prefix("ab\xFFZ"sv, 100) == "ab");
}

TEST_CASE("each maximal ill-formed part becomes one U+FFFD") {
    // Unicode standard section 3.9, tables 3-8 to 3-11: the bytes, and where the replacements go.
    CHECK(sanitised("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"sv) ==
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41");
    CHECK(sanitised("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"sv) ==
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41");
    CHECK(sanitised("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"sv) ==
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41\xEF\xBF\xBD\xEF\xBF\xBD\x42");
    CHECK(sanitised("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"sv) ==
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41");
}

TEST_CASE("valid text stays as it is, and what does not fit is left out whole") {
    CHECK(sanitised("gr\xC3\xBC\xC3\x9F"sv) == "gr\xC3\xBC\xC3\x9F");
    CHECK(sanitised("\xC3\xBC\xC3\x9F"sv, 3) == "\xC3\xBC");
    CHECK(sanitised("\xFF\xFF"sv, 5) == "\xEF\xBF\xBD");
    CHECK(sanitised("abc"sv, 0).empty());
    CHECK(sanitised(""sv).empty());
}

TEST_CASE("the compiler can validate and copy, too") {
    static_assert(utf8::validate("\xE6\x97\xA5").valid);
    static_assert(utf8::validate("ab\xED\xA0\x80").offset == 2);
    static_assert(is_copied_by_the_compiler("gr\xC3\xBC\xC3\x9F"));
    static_assert(!is_copied_by_the_compiler("ab\xED\xA0\x80"));
    static_assert(utf8::prefix("\xC3\xBC\xC3\x9F", 3) == "\xC3\xBC");
    SUCCEED();
}

TEST_CASE("text is judged alike at run time and by the compiler, wherever in it something stands") {
    // Each first and last of the ranges of Unicode's table 3-7; ./dev exhaustive takes every byte.
    constexpr std::string_view bytes =
        "a\x7F\x80\x8F\x90\x9F\xA0\xBF\xC1\xC2\xDF\xE0\xE1\xED\xEE\xEF\xF0\xF1\xF4\xF5\xFF";
    std::string text(123 + 16, 'a');
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < bytes.size() * bytes.size() * bytes.size() * bytes.size(); ++i) {
        const char        sequence[] = {bytes[i % 21], bytes[i / 21 % 21], bytes[i / 441 % 21], bytes[i / 9261]};
        const std::size_t at = i % 120, size = i % 2 == 0 ? 123 : at + 4;
        text.replace(at, 4, sequence, 4);
        text.replace(size, 16, 16, '\xBF'); // what stands behind the text does not matter
        const std::string_view judged(text.data(), size);
        const auto             found = utf8::validate(judged), expected = utf8::detail::validate_by_sequences(judged);
        wrong += found.valid != expected.valid || found.offset != expected.offset;
        text.replace(at, 4, 4, 'a');
        text.replace(size, 16, 16, 'a');
    }
    CHECK(wrong == 0);
}

TEST_CASE("an error is found behind any sequence, and what stands before the text does not matter") {
    for (const auto good : {"a"sv, "\xC3\xBC"sv, "\xE6\x97\xA5"sv, "\xF0\x9F\x98\x80"sv})
        for (const auto wrong :
             {"\x80"sv, "\xBF"sv, "\xC0"sv, "\xC1"sv, "\xC3"sv, "\xE6\x97"sv, "\xF0\x9F\x98"sv, "\xFF"sv})
            for (std::size_t at = 0; at < 40; ++at) {
                const std::string      all   = "\xF0" + std::string(at, 'a').append(good).append(wrong) + "z";
                const std::string_view text  = std::string_view(all).substr(1);
                const utf8::result     found = utf8::validate(text);
                if (found.valid || found.offset != at + good.size())
                    FAIL("behind " << at << " bytes and " << good.size());
            }
    const auto behind_a_lead = "\xE6\x97\xA5"sv; // whose last two bytes are no text of their own
    CHECK(utf8::validate(behind_a_lead.substr(1)).offset == 0);
    CHECK_FALSE(utf8::validate(behind_a_lead.substr(1)));
}

TEST_CASE("long text is checked whole") {
    for (std::size_t size = 1; size < 300; ++size) {
        std::string text(size, 'x');
        for (std::size_t at = 0; at < size; ++at) {
            text[at]         = '\x80';
            const auto found = utf8::validate(text);
            if (found.valid || found.offset != at)
                FAIL("byte " << at << " of " << size);
            text[at] = 'x';
        }
        CHECK(utf8::validate(text));
    }
}
