// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_FRAME_HPP_INCLUDED
#define WSCLOSE_CLOSE_FRAME_HPP_INCLUDED

// The body of a Close frame, as a value that is always fit for the wire.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/detail/config.hpp>
#include <wsclose/utf8.hpp>

namespace wsclose {

/// The most bytes that the body of a Close frame has, as of any control frame. RFC 6455 section 5.5.
inline constexpr std::size_t max_body_size = 125;
/// The most bytes of UTF-8 that the text of a Close frame has: the body less the two of its code.
inline constexpr std::size_t max_reason_size = 123;

/// What is wrong with a code and a text that shall become a Close frame.
enum class make_error : std::uint8_t {
    none,
    forbidden_code,  ///< the code is never on the wire
    reason_too_long, ///< the text has more than 123 bytes
    invalid_utf8,    ///< the text is not UTF-8
};

/// What is wrong with the body of a Close frame that a peer sent.
enum class parse_error : std::uint8_t {
    none,
    truncated_code, ///< the body has one byte, and a code takes two
    too_long,       ///< the body has more than 125 bytes
    forbidden_code, ///< the code is never on the wire
    invalid_utf8,   ///< the text is not UTF-8
};

/// The name of an error as its enumerator spells it; empty for `none`.
constexpr std::string_view name(make_error error) noexcept {
    using namespace std::string_view_literals;
    switch (error) {
    case make_error::none: break;
    case make_error::forbidden_code: return "forbidden_code"sv;
    case make_error::reason_too_long: return "reason_too_long"sv;
    case make_error::invalid_utf8: return "invalid_utf8"sv;
    }
    return {};
}

/// The name of an error as its enumerator spells it; empty for `none`.
constexpr std::string_view name(parse_error error) noexcept {
    using namespace std::string_view_literals;
    switch (error) {
    case parse_error::none: break;
    case parse_error::truncated_code: return "truncated_code"sv;
    case parse_error::too_long: return "too_long"sv;
    case parse_error::forbidden_code: return "forbidden_code"sv;
    case parse_error::invalid_utf8: return "invalid_utf8"sv;
    }
    return {};
}

/// What is wrong, in a few words that a log or a peer can be told; empty for `none`.
constexpr std::string_view description(make_error error) noexcept {
    using namespace std::string_view_literals;
    switch (error) {
    case make_error::none: break;
    case make_error::forbidden_code: return "this close code is never on the wire"sv;
    case make_error::reason_too_long: return "the close reason has more than 123 bytes"sv;
    case make_error::invalid_utf8: return "the close reason is not UTF-8"sv;
    }
    return {};
}

/// What is wrong, in a few words that a log or a peer can be told; empty for `none`.
constexpr std::string_view description(parse_error error) noexcept {
    using namespace std::string_view_literals;
    switch (error) {
    case parse_error::none: break;
    case parse_error::truncated_code: return "Close frame with half a code"sv;
    case parse_error::too_long: return "Close frame with more than 125 bytes"sv;
    case parse_error::forbidden_code: return "Close frame with a forbidden code"sv;
    case parse_error::invalid_utf8: return "Close frame with text that is not UTF-8"sv;
    }
    return {};
}

namespace detail {
    /// The code at the beginning of a body of two bytes or more.
    constexpr close_code code_in(const char *body) noexcept {
        return static_cast<close_code>(static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]));
    }
} // namespace detail

struct make_result;
struct parse_result;

/// The body of a Close frame in wire form: nothing at all, or a code that may be sent, in network
/// order, and at most 123 bytes of valid UTF-8. No public way leads to any other content.
/// 128 bytes, trivially copyable; what lies behind the body is zero.
class close_frame {
public:
    /// A Close frame with an empty body: no code, no text.
    constexpr close_frame() noexcept : bytes_{}, size_(0) {}

#if WSCLOSE_HAS_CONSTEVAL
    /// C++20: a constant frame, checked by the compiler. `close_frame{close_code::going_away, "bye"}`
    /// does not compile where the code is forbidden, the text too long, or not UTF-8.
    template <std::size_t Size>
    consteval close_frame(any_close_code code, const char (&text)[Size]);
#endif

    /// Whether the body holds a code. Where it does not, it is empty.
    constexpr bool has_code() const noexcept { return size_ != 0; }

    /// The code; 1005 (no_status_received) where the body is empty. RFC 6455 section 7.1.5.
    constexpr close_code code() const noexcept {
        return has_code() ? detail::code_in(bytes_) : close_code::no_status_received;
    }

    /// The text, at most 123 bytes of valid UTF-8. It lives as long as this frame does.
    constexpr std::string_view reason() const noexcept {
        return has_code() ? std::string_view(bytes_ + 2, size_ - std::size_t{2}) : std::string_view();
    }

    /// The body as it goes onto the wire, `size()` bytes.
    constexpr const char *data() const noexcept { return bytes_; }

    /// The length of the body in bytes: 0, or 2 to 125.
    constexpr std::size_t size() const noexcept { return size_; }

    friend constexpr bool operator==(const close_frame &a, const close_frame &b) noexcept {
        return std::string_view(a.bytes_, a.size_) == std::string_view(b.bytes_, b.size_);
    }
    friend constexpr bool operator!=(const close_frame &a, const close_frame &b) noexcept { return !(a == b); }

    /// Strict: a frame with this code and text, or what is wrong with them and where.
    static constexpr make_result make(any_close_code code, std::string_view text = {}) noexcept;

    /// Never fails: ill-formed text gets U+FFFD in place of each ill-formed part, too long a text is
    /// cut at a code point, and a code that is never on the wire becomes 1011 (internal_error).
    static constexpr close_frame fit(any_close_code code, std::string_view text = {}) noexcept;

    /// As `fit(code, text)`; a code that `sender` may not send becomes 1011 too.
    static constexpr close_frame fit(any_close_code code, std::string_view text, role sender) noexcept;

    /// A body from the wire: the frame, or what is wrong with it, where, and what to answer.
    static constexpr parse_result parse(std::string_view body) noexcept;
    static parse_result           parse(const void *body, std::size_t size) noexcept;

private:
    constexpr void set_code(close_code code) noexcept {
        bytes_[0] = static_cast<char>(static_cast<std::uint16_t>(code) >> 8);
        bytes_[1] = static_cast<char>(static_cast<std::uint16_t>(code) & 0xFF);
    }

    constexpr void set_text(std::string_view text) noexcept {
        char *to = bytes_ + 2; // what is written could otherwise be size_, for all that a compiler knows
        for (const char c : text)
            *to++ = c;
        size_ = static_cast<std::uint8_t>(2 + text.size());
    }

    /// A code that may be sent, and at most 123 bytes of text, checked: empty where `checked` tells an error.
    static constexpr close_frame with_text(close_code code, std::string_view text, utf8::result &checked) noexcept {
#if WSCLOSE_HAS_SIMD
        if (!__builtin_is_constant_evaluated())
            return close_frame(code, text, checked);
#endif
        checked = utf8::validate(text);
        close_frame frame;
        if (checked) {
            frame.set_code(code);
            frame.set_text(text);
        }
        return frame;
    }

    /// For `make` and `parse`, which have checked all but the text. A function of its own, so that the
    /// result is built where it is returned.
    template <class Result>
    static constexpr Result build(close_code code, std::string_view text, std::size_t text_offset) noexcept {
        utf8::result checked{};
        Result       result{with_text(code, text, checked)};
        if (!checked) {
            result.error  = decltype(result.error)::invalid_utf8;
            result.offset = text_offset + checked.offset;
        }
        return result;
    }

#if WSCLOSE_HAS_SIMD
    close_frame(close_code code, std::string_view text, utf8::result &checked) noexcept
        : size_(static_cast<std::uint8_t>(2 + text.size())) {
        std::memset(bytes_ + 63, 0, 64); // all at once, GCC would zero in a slow loop
        if (text.size() < 62)
            std::memset(bytes_, 0, 64);
        set_code(code);
        checked = {text.size(), true};
        if (utf8::detail::is_ascii(text.data(), text.size(), bytes_ + 2))
            return;
        checked = utf8::detail::validate_by_blocks(text);
        if (!checked)
            *this = close_frame();
    }
#endif

    char         bytes_[127];
    std::uint8_t size_;
};

/// What `close_frame::make` returns.
struct make_result {
    close_frame frame; ///< empty where there is an error
    make_error  error = make_error::none;
    /// `invalid_utf8`: the offset in the text, in bytes, of the first ill-formed sequence;
    /// `reason_too_long`: 123; otherwise 0.
    std::size_t offset = 0;

    constexpr explicit operator bool() const noexcept { return error == make_error::none; }
};

/// What `close_frame::parse` returns.
struct parse_result {
    close_frame frame; ///< empty where there is an error
    parse_error error = parse_error::none;
    /// The offset in the body, in bytes, of the first bad byte; 0 where there is no error.
    std::size_t offset = 0;

    constexpr explicit operator bool() const noexcept { return error == parse_error::none; }

    /// The frame that RFC 6455 sections 5.5.1 and 7.1.7 ask for in answer: the same again, or 1007
    /// for text that is not UTF-8 and 1002 for any other error, with a text that says what was wrong.
    constexpr close_frame answer() const noexcept;
};

constexpr make_result close_frame::make(any_close_code code, std::string_view text) noexcept {
    if (!is_sendable(code))
        return {close_frame(), make_error::forbidden_code, 0};
    if (text.size() > max_reason_size)
        return {close_frame(), make_error::reason_too_long, max_reason_size};
    return build<make_result>(code, text, 0);
}

constexpr close_frame close_frame::fit(any_close_code code, std::string_view text) noexcept {
    if (!is_sendable(code))
        code = close_code::internal_error;
#if WSCLOSE_HAS_SIMD // most often, that is all there is to do
    const bool   fits = text.size() <= max_reason_size;
    utf8::result checked{};
    close_frame  frame = with_text(code, fits ? text : std::string_view(), checked);
    if (fits && checked)
        return frame;
#else
    close_frame frame;
#endif
    frame.set_code(code);
    frame.size_ = static_cast<std::uint8_t>(2 + utf8::sanitise(text, frame.bytes_ + 2, max_reason_size));
    return frame;
}

constexpr close_frame close_frame::fit(any_close_code code, std::string_view text, role sender) noexcept {
    return fit(is_sendable(code, sender) ? close_code(code) : close_code::internal_error, text);
}

constexpr parse_result close_frame::parse(std::string_view body) noexcept {
    if (body.empty())
        return {};
    if (body.size() == 1)
        return {close_frame(), parse_error::truncated_code, 1};
    if (body.size() > max_body_size)
        return {close_frame(), parse_error::too_long, max_body_size};
    const close_code code = detail::code_in(body.data());
    if (!is_receivable(code))
        return {close_frame(), parse_error::forbidden_code, 0};
    body.remove_prefix(2);
    return build<parse_result>(code, body, 2);
}

inline parse_result close_frame::parse(const void *body, std::size_t size) noexcept {
    return parse(std::string_view(static_cast<const char *>(body), size));
}

constexpr close_frame parse_result::answer() const noexcept {
    if (error == parse_error::none)
        return frame;
    const close_code code =
        error == parse_error::invalid_utf8 ? close_code::invalid_payload : close_code::protocol_error;
    return close_frame::fit(code, description(error));
}

namespace detail {
    // Not constexpr: a constant frame that gets here does not compile, and the compiler names the function.
    inline void this_close_code_is_never_on_the_wire() noexcept {}
    inline void the_close_reason_has_more_than_123_bytes() noexcept {}
    inline void the_close_reason_is_not_utf8() noexcept {}

    constexpr close_frame checked_frame(any_close_code code, std::string_view text) noexcept {
        const make_result result = close_frame::make(code, text);
        switch (result.error) {
        case make_error::none: break;
        case make_error::forbidden_code: this_close_code_is_never_on_the_wire(); break;
        case make_error::reason_too_long: the_close_reason_has_more_than_123_bytes(); break;
        case make_error::invalid_utf8: the_close_reason_is_not_utf8(); break;
        }
        return result.frame;
    }
} // namespace detail

#if WSCLOSE_HAS_CONSTEVAL
template <std::size_t Size>
consteval close_frame::close_frame(any_close_code code, const char (&text)[Size])
    : close_frame(detail::checked_frame(code, std::string_view(text, Size - 1))) {}
#endif

/// A constant frame: `frame<close_code::going_away>("maintenance")`. A forbidden code or a text of
/// more than 123 bytes does not compile; nor, in C++20, does a text that is not UTF-8. In C++17 the
/// text is checked where the result is itself constexpr, as `WSCLOSE_FRAME` makes sure.
template <auto Code, std::size_t Size>
WSCLOSE_CONSTEVAL close_frame frame(const char (&text)[Size]) noexcept {
    static_assert(is_sendable(Code), "wsclose: this close code is never on the wire");
    static_assert(Size - 1 <= max_reason_size, "wsclose: the close reason has more than 123 bytes");
    return detail::checked_frame(Code, std::string_view(text, Size - 1));
}

/// A constant frame with a code and no text: `frame<close_code::normal_closure>()`.
template <auto Code>
WSCLOSE_CONSTEVAL close_frame frame() noexcept {
    return frame<Code>("");
}

/// A constant frame, all checked by the compiler, in C++17 too:
/// `WSCLOSE_FRAME(wsclose::close_code::going_away, "maintenance")`.
#define WSCLOSE_FRAME(code, text)                                                                                      \
    ([]() noexcept -> ::wsclose::close_frame {                                                                         \
        constexpr ::wsclose::close_frame wsclose_constant_frame = ::wsclose::frame<(code)>(text);                      \
        return wsclose_constant_frame;                                                                                 \
    }())

} // namespace wsclose

#endif // WSCLOSE_CLOSE_FRAME_HPP_INCLUDED
