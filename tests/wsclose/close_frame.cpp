// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/close_frame.hpp>

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "support/catch.hpp"

using namespace wsclose;
using namespace std::string_view_literals;

namespace {

std::string_view body(const close_frame &frame) { return {frame.data(), frame.size()}; }
close_code       code(unsigned value) { return static_cast<close_code>(value); }

/// Whether all 128 bytes are zero.
bool is_blank(const close_frame &frame) {
    const close_frame zeros;
    return std::memcmp(&frame, &zeros, sizeof frame) == 0 && frame.size() == 0;
}

bool is_zero_behind_the_body(const close_frame &frame) {
    for (std::size_t i = frame.size(); i < max_body_size; ++i)
        if (frame.data()[i] != 0)
            return false;
    return true;
}

bool may_be_on_the_wire(unsigned value) {
    return (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014) || (value >= 3000 && value <= 4999);
}

template <class Error>
constexpr bool have_a_name_and_a_description_each(unsigned last) {
    for (unsigned value = 0; value <= 0xFF; ++value) {
        const bool is_error = value >= 1 && value <= last;
        if (name(static_cast<Error>(value)).empty() == is_error ||
            description(static_cast<Error>(value)).empty() == is_error)
            return false;
    }
    return true;
}

enum class game_code { kicked = 4001 };

} // namespace

template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::kicked, "kicked"}};
};

TEST_CASE("an empty frame has no code and reads as 1005") {
    constexpr close_frame frame;
    CHECK_FALSE(frame.has_code());
    CHECK(frame.code() == close_code::no_status_received);
    CHECK(frame.reason().empty());
    CHECK(frame.size() == 0);
}

TEST_CASE("make puts the code in network order before the text") {
    const make_result made = close_frame::make(close_code::normal_closure, "bye");
    REQUIRE(made);
    CHECK(body(made.frame) == "\x03\xE8"
                              "bye"sv);
    CHECK(made.frame.has_code());
    CHECK(made.frame.code() == close_code::normal_closure);
    CHECK(made.frame.reason() == "bye");
    CHECK(body(close_frame::make(game_code::kicked).frame) == "\x0F\xA1"sv);
    CHECK(body(close_frame::make(code(4999), "\xE6\x97\xA5").frame) == "\x13\x87\xE6\x97\xA5"sv);
}

TEST_CASE("make refuses what is not fit for the wire and says where it is not") {
    const auto check = [](close_code c, std::string_view text, make_error error, std::size_t offset) {
        const make_result made = close_frame::make(c, text);
        CHECK_FALSE(made);
        CHECK(made.error == error);
        CHECK(made.offset == offset);
        CHECK(made.frame == close_frame());
    };
    check(close_code::abnormal_closure, "", make_error::forbidden_code, 0);
    check(close_code::normal_closure, std::string(124, 'x'), make_error::reason_too_long, 123);
    check(close_code::normal_closure, "ab\xC3", make_error::invalid_utf8, 2);
    CHECK(close_frame::make(close_code::normal_closure, std::string(123, 'x')));
}

TEST_CASE("no code that is never on the wire gets into a frame by any way in, out of all 65536") {
    for (unsigned value = 0; value <= 65535; ++value) {
        const bool             allowed  = may_be_on_the_wire(value);
        const close_frame      fitted   = close_frame::fit(code(value), "x");
        const char             bytes[3] = {static_cast<char>(value >> 8), static_cast<char>(value), 'x'};
        const auto             parsed   = close_frame::parse(std::string_view(bytes, 3));
        const auto             made     = close_frame::make(code(value), "x");
        const std::string_view own(bytes, 3);
        const bool             right = made.error == (allowed ? make_error::none : make_error::forbidden_code) &&
                           parsed.error == (allowed ? parse_error::none : parse_error::forbidden_code) &&
                           body(made.frame) == (allowed ? own : ""sv) && body(parsed.frame) == (allowed ? own : ""sv) &&
                           body(fitted) == (allowed ? own : "\x03\xF3x"sv) && // 1011
                           body(parsed.answer()) == (allowed ? own
                                                             : "\x03\xEA"
                                                               "Close frame with a forbidden code"sv);
        if (!right)
            FAIL_CHECK("code " << value);
    }
}

TEST_CASE("fit cuts too long a text at a code point") {
    CHECK(close_frame::fit(close_code::normal_closure, std::string(200, 'x')).reason() == std::string(123, 'x'));
    const std::string sun = "\xE6\x97\xA5";
    std::string       days, expected;
    for (int i = 0; i < 50; ++i)
        days += sun;
    for (int i = 0; i < 41; ++i)
        expected += sun;
    CHECK(close_frame::fit(close_code::normal_closure, days).reason() == expected);             // 123 bytes
    CHECK(close_frame::fit(close_code::normal_closure, "x" + days).reason().size() == 1 + 120); // 121, not 123
}

TEST_CASE("fit replaces what is not UTF-8") {
    CHECK(close_frame::fit(close_code::normal_closure, "a\xFFz").reason() == "a\xEF\xBF\xBDz");
    CHECK(close_frame::fit(close_code::normal_closure, std::string(123, '\xFF')).reason().size() == 123);
    CHECK(close_frame::fit(close_code::normal_closure, "x" + std::string(123, '\xFF')).reason().size() == 121);
}

TEST_CASE("fit keeps a server from sending 1010") {
    CHECK(close_frame::fit(close_code::mandatory_extension, "x", role::client).code() == code(1010));
    CHECK(close_frame::fit(close_code::mandatory_extension, "x", role::server).code() == code(1011));
    CHECK(close_frame::fit(close_code::going_away, "x", role::server).code() == code(1001));
}

TEST_CASE("fit tells what it adjusted, first the code, then the length, then the bytes") {
    const auto adjusted = [](any_close_code c, std::string_view text, role sender) {
        make_error        wrong = make_error::none;
        const close_frame frame = close_frame::fit(c, text, sender, wrong);
        CHECK(frame == close_frame::fit(c, text, sender));
        return wrong;
    };
    const std::string long_text(124, 'x');
    CHECK(adjusted(close_code::normal_closure, "", role::server) == make_error::none);
    CHECK(adjusted(close_code::normal_closure, std::string(123, 'x'), role::server) == make_error::none);
    CHECK(adjusted(close_code::normal_closure, "gr\xC3\xBC\xC3\x9F", role::client) == make_error::none);
    CHECK(adjusted(close_code::abnormal_closure, "x", role::client) == make_error::forbidden_code);
    CHECK(adjusted(close_code::mandatory_extension, "x", role::client) == make_error::none);
    CHECK(adjusted(close_code::mandatory_extension, "x", role::server) == make_error::forbidden_code);
    CHECK(adjusted(close_code::normal_closure, long_text, role::client) == make_error::reason_too_long);
    CHECK(adjusted(close_code::normal_closure, "a\xFF", role::client) == make_error::invalid_utf8);
    CHECK(adjusted(close_code::normal_closure, long_text + '\xFF', role::client) == make_error::reason_too_long);
    CHECK(adjusted(close_code::abnormal_closure, long_text, role::client) == make_error::forbidden_code);

    make_error stale = make_error::invalid_utf8;
    close_frame::fit(close_code::normal_closure, "x", role::client, stale);
    CHECK(stale == make_error::none);
}

TEST_CASE("fit without a sender lets a client's 1010 through") {
    CHECK(close_frame::fit(close_code::mandatory_extension).code() == code(1010));
}

TEST_CASE("the compiler can make, fit and parse") {
    constexpr make_result  made   = close_frame::make(close_code::going_away, "gr\xC3\xBC\xC3\x9F");
    constexpr make_result  wrong  = close_frame::make(close_code::going_away, "ab\xC3");
    constexpr parse_result parsed = close_frame::parse("\x03\xE9gr\xC3\xBC\xC3\x9F"sv);
    constexpr close_frame  fitted = close_frame::fit(close_code::abnormal_closure, "a\xFFz");
    static_assert(made && parsed && made.frame == parsed.frame);
    static_assert(!wrong && wrong.offset == 2 && wrong.frame == close_frame());
    static_assert(fitted.code() == close_code::internal_error && fitted.reason() == "a\xEF\xBF\xBDz");
    CHECK(std::memcmp(&made.frame, &parsed.frame, sizeof(close_frame)) == 0);
    CHECK(is_blank(wrong.frame));
}

TEST_CASE("parse takes every body that keeps the rules") {
    CHECK(close_frame::parse(""sv));
    CHECK(close_frame::parse(""sv).frame == close_frame());
    CHECK(close_frame::parse("\x03\xE8"sv).frame.code() == close_code::normal_closure);
    const std::string full = "\x03\xE8" + std::string(123, 'x');
    CHECK(body(close_frame::parse(full).frame) == full);
    CHECK(close_frame::parse(full.data(), 5).frame.reason() == "xxx");
    CHECK(close_frame::parse(nullptr, 0));
}

TEST_CASE("parse names the rule that a body breaks, the place, and the answer") {
    struct {
        std::string      bytes;
        parse_error      error;
        std::size_t      offset;
        std::string_view answer;
    } const cases[] = {
        {"\x03", parse_error::truncated_code, 1,
         "\x03\xEA"
         "Close frame with half a code"sv},
        {"\x03\xE8" + std::string(124, 'x'), parse_error::too_long, 125,
         "\x03\xEA"
         "Close frame with more than 125 bytes"sv},
        {"\x03\xED", parse_error::forbidden_code, 0,
         "\x03\xEA"
         "Close frame with a forbidden code"sv},
        {"\x03\xE8"
         "ab\xC3",
         parse_error::invalid_utf8, 4,
         "\x03\xEF"
         "Close frame with text that is not UTF-8"sv},
        {"\x03\xE8\xFF", parse_error::invalid_utf8, 2,
         "\x03\xEF"
         "Close frame with text that is not UTF-8"sv},
    };
    for (const auto &c : cases) {
        const parse_result result = close_frame::parse(c.bytes);
        CAPTURE(name(c.error));
        CHECK_FALSE(result);
        CHECK(result.error == c.error);
        CHECK(result.offset == c.offset);
        CHECK(result.frame == close_frame());
        CHECK(body(result.answer()) == c.answer);
    }
}

TEST_CASE("a good frame is answered with itself") {
    const std::string bytes = "\x0F\xA1kicked";
    CHECK(body(close_frame::parse(bytes).answer()) == bytes);
    CHECK(body(close_frame::parse(""sv).answer()).empty());
}

TEST_CASE("a constant frame is made by the compiler") {
    static constexpr close_frame away = frame<close_code::going_away>("maintenance");
    static_assert(away.code() == close_code::going_away);
    CHECK(body(away) == "\x03\xE9"
                        "maintenance"sv);
    CHECK(body(frame<close_code::normal_closure>()) == "\x03\xE8"sv);
    CHECK(body(frame<game_code::kicked>("bye")) == "\x0F\xA1"
                                                   "bye"sv);
    CHECK(body(WSCLOSE_FRAME(close_code::going_away, "\xE6\x97\xA5")) == "\x03\xE9\xE6\x97\xA5"sv);
#if WSCLOSE_HAS_CONSTEVAL
    CHECK(body(close_frame{close_code::going_away, "bye"}) == "\x03\xE9"
                                                              "bye"sv);
#endif
}

TEST_CASE("frames compare by their bodies") {
    const close_frame a = close_frame::make(close_code::normal_closure, "a").frame;
    CHECK(a == close_frame::fit(close_code::normal_closure, "a"));
    CHECK(a != close_frame::make(close_code::normal_closure, "b").frame);
    CHECK(a != close_frame::make(close_code::going_away, "a").frame);
    CHECK(close_frame() != close_frame::make(close_code::normal_closure).frame);
}

TEST_CASE("a frame is a small trivial value, and all zeros are an empty one") {
    static_assert(std::is_trivially_copyable_v<close_frame>);
    static_assert(sizeof(close_frame) == 128);
    static_assert(alignof(close_frame) == 1);
    close_frame frame               = close_frame::fit(close_code::normal_closure, "bye");
    const char  zeros[sizeof frame] = {};
    std::memcpy(&frame, zeros, sizeof frame);
    CHECK(frame == close_frame());
    CHECK(is_blank(close_frame()));
}

TEST_CASE("a frame has its text at every length, and zeros behind it") {
    for (std::size_t size = 0; size <= max_reason_size; ++size) {
        CAPTURE(size);
        const std::string ascii(size, 'x');
        std::string       other = ascii;
        if (size >= 2)
            other.replace(size / 2 - 1, 2, "\xC3\xBC");
        for (const std::string &text : {ascii, other}) {
            const close_frame made   = close_frame::make(close_code::normal_closure, text).frame;
            const close_frame parsed = close_frame::parse("\x03\xE8" + text).frame;
            CHECK(body(made) == "\x03\xE8" + text);
            CHECK(made.reason() == text);
            CHECK(made == parsed);
            CHECK(made == close_frame::fit(close_code::normal_closure, text));
            CHECK(is_zero_behind_the_body(made));
            CHECK(is_zero_behind_the_body(parsed));
        }
        const close_frame fitted = close_frame::fit(close_code::normal_closure, ascii + '\xFF');
        CHECK(is_zero_behind_the_body(fitted));
    }
}

TEST_CASE("a refused text leaves nothing of itself in the frame") {
    for (std::size_t size = 1; size <= max_reason_size; ++size)
        for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
            std::string text(size, 'x');
            text[at] = '\xFF';
            if (!is_blank(close_frame::make(close_code::normal_closure, text).frame) ||
                !is_blank(close_frame::parse("\x03\xE8" + text).frame))
                FAIL("byte " << at << " of " << size);
        }
    CHECK(is_blank(close_frame::make(close_code::abnormal_closure, "x").frame));
    CHECK(is_blank(close_frame::make(close_code::normal_closure, std::string(124, 'x')).frame));
    CHECK(is_blank(close_frame::parse("\x03\xEEx"sv).frame));
}

TEST_CASE("errors have names and words") {
    static_assert(have_a_name_and_a_description_each<make_error>(3));
    static_assert(have_a_name_and_a_description_each<parse_error>(4));
    CHECK(name(make_error::none).empty());
    CHECK(name(make_error::forbidden_code) == "forbidden_code");
    CHECK(name(make_error::reason_too_long) == "reason_too_long");
    CHECK(name(make_error::invalid_utf8) == "invalid_utf8");
    CHECK(name(parse_error::none).empty());
    CHECK(name(parse_error::truncated_code) == "truncated_code");
    CHECK(name(parse_error::too_long) == "too_long");
    CHECK(name(parse_error::forbidden_code) == "forbidden_code");
    CHECK(name(parse_error::invalid_utf8) == "invalid_utf8");
    CHECK(description(make_error::reason_too_long) == "the close reason has more than 123 bytes");
    CHECK(description(parse_error::none).empty());
}
