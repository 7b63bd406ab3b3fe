// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_FRAME_HPP_INCLUDED
#define WSCLOSE_CLOSE_FRAME_HPP_INCLUDED

// The body of a Close frame as a value that is always valid on the wire.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/detail/config.hpp>
#include <wsclose/utf8.hpp>

WSCLOSE_BEGIN_NAMESPACE

inline constexpr std::size_t max_body_size   = 125; ///< bytes in the body of a Close frame (RFC 6455 section 5.5)
inline constexpr std::size_t max_reason_size = 123; ///< bytes in its text; the code takes the other two

/// Why `close_frame::make` refuses a code and a text.
enum class make_error : std::uint8_t {
    none,            ///< the frame was made
    forbidden_code,  ///< the code is never on the wire
    reason_too_long, ///< the text has more than 123 bytes
    invalid_utf8,    ///< the text is not UTF-8
};

/// Why `close_frame::parse` refuses a body from the peer.
enum class parse_error : std::uint8_t {
    none,           ///< the body is valid
    truncated_code, ///< the body has one byte, but a code takes two
    too_long,       ///< the body has more than 125 bytes
    forbidden_code, ///< the code is never on the wire
    invalid_utf8,   ///< the text is not UTF-8
};

/// The enumerator's name; empty for `none`.
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

/// The enumerator's name; empty for `none`.
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

/// The error in a few words, for a log or for the peer; empty for `none`.
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

/// The error in a few words, for a log or for the peer; empty for `none`.
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
/// The code at the start of a body. `body` has at least two bytes.
constexpr close_code code_in(const char *body) noexcept {
    return static_cast<close_code>(static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]));
}
} // namespace detail

struct make_result;
struct parse_result;

/// The body of a Close frame in wire form: empty, or a code that may be sent, in network order, and at
/// most 123 bytes of valid UTF-8. No public function creates any other content. 128 bytes, trivially
/// copyable; the bytes behind the body are zero, and all-zero memory is an empty frame.
class close_frame {
public:
    /// A Close frame with an empty body: no code, no text.
    constexpr close_frame() noexcept : bytes_{} {}

#if WSCLOSE_HAS_CONSTEVAL
    /// C++20: a constant frame, `close_frame{close_code::going_away, "bye"}`. A frame that `make` would refuse
    /// does not compile.
    template <std::size_t Size>
    consteval close_frame(any_close_code code, const char (&text)[Size]);
#endif

    /// Whether the body has a code. If it has none, it is empty.
    constexpr bool has_code() const noexcept { return size() != 0; }

    /// The code; 1005 (no_status_received) if the body is empty (RFC 6455 section 7.1.5).
    constexpr close_code code() const noexcept {
        return has_code() ? detail::code_in(bytes_) : close_code::no_status_received;
    }

    /// The text, at most 123 bytes of valid UTF-8. The view is valid while this frame lives unchanged.
    constexpr std::string_view reason() const noexcept { return {bytes_ + 2, has_code() ? size() - 2 : 0}; }

    /// The body as it goes onto the wire, `size()` bytes.
    constexpr const char *data() const noexcept { return bytes_; }

    /// The length of the body in bytes: 0, or 2 to 125.
    constexpr std::size_t size() const noexcept { return static_cast<unsigned char>(bytes_[127]); }

    /// Whether the bodies are equal.
    friend constexpr bool operator==(const close_frame &a, const close_frame &b) noexcept {
        return std::string_view(a.bytes_, a.size()) == std::string_view(b.bytes_, b.size());
    }
    /// Whether they differ.
    friend constexpr bool operator!=(const close_frame &a, const close_frame &b) noexcept { return !(a == b); }

    /// Adjusts nothing: returns the frame with this code and text, or the error and its offset.
    static constexpr make_result make(any_close_code code, std::string_view text = {}) noexcept;

    /// Never fails: a code that `sender` may not send becomes 1011 (internal_error), one U+FFFD replaces each
    /// ill-formed part of the text, and a text that is too long is cut at a code point. Without `sender`, keeps
    /// any code that either role may send.
    static constexpr close_frame fit(any_close_code code, std::string_view text = {},
                                     role sender = role::client) noexcept {
        make_error adjusted{};
        return fit(code, text, sender, adjusted);
    }

    /// Same as `fit(code, text, sender)`. `adjusted` receives the first error, in the order of `make_error`, or `none`.
    static constexpr close_frame fit(any_close_code code, std::string_view text, role sender,
                                     make_error &adjusted) noexcept;

    /// Reads a body from the wire: the frame, or the error and its offset; and the frame to answer with.
    static constexpr parse_result parse(std::string_view body) noexcept;
    static parse_result           parse(const void *body, std::size_t size) noexcept; ///< the same

private:
    /// Fills an empty frame with a sendable code and at most 123 bytes; leaves it empty if they are not UTF-8.
    constexpr utf8::result fill(close_code code, std::string_view text) noexcept {
        frame_text(code, text.size()); // first, so that code and size need no registers during the copy
        const utf8::result copied = utf8::copy(text, bytes_ + 2);
        if (!copied)
            *this = close_frame();
        return copied;
    }

    /// Puts the code before the text (already or later in place) and stores the size.
    constexpr void frame_text(close_code code, std::size_t text_size) noexcept {
        bytes_[0]   = static_cast<char>(static_cast<std::uint16_t>(code) >> 8);
        bytes_[1]   = static_cast<char>(static_cast<std::uint16_t>(code) & 0xFF);
        bytes_[127] = static_cast<char>(2 + text_size);
    }

    template <class Result>
    static constexpr void refuse(Result &result, decltype(Result::error) error, std::size_t offset) noexcept {
        result.error  = error;
        result.offset = offset;
    }

    char bytes_[128]; // the body, zeros, and in the last byte the size of the body
};

/// What `close_frame::make` returns.
struct make_result {
    close_frame frame;                    ///< empty if there is an error
    make_error  error = make_error::none; ///< `none` if the frame was made
    /// The offset in the text, in bytes: of the first ill-formed sequence, or 123 if it is too long; otherwise 0.
    std::size_t offset = 0;

    constexpr explicit operator bool() const noexcept { return error == make_error::none; } ///< whether it is valid
};

/// What `close_frame::parse` returns.
struct parse_result {
    close_frame frame;                      ///< empty if there is an error
    parse_error error  = parse_error::none; ///< `none` if the body is valid
    std::size_t offset = 0;                 ///< of the first bad byte in the body, in bytes; 0 if there is no error

    constexpr explicit operator bool() const noexcept { return error == parse_error::none; } ///< whether it is valid

    /// The frame to answer with (RFC 6455 sections 5.5.1 and 7.1.7): the same frame, or 1007 for
    /// text that is not UTF-8 and 1002 for any other error, with the error's description as text.
    constexpr close_frame answer() const noexcept {
        if (error == parse_error::none)
            return frame;
        const auto code = error == parse_error::invalid_utf8 ? close_code::invalid_payload : close_code::protocol_error;
        return close_frame::fit(code, description(error));
    }
};

constexpr make_result close_frame::make(any_close_code code, std::string_view text) noexcept {
    make_result result;
    if (!is_sendable(code))
        refuse(result, make_error::forbidden_code, 0);
    else if (text.size() > max_reason_size)
        refuse(result, make_error::reason_too_long, max_reason_size);
    else if (const utf8::result filled = result.frame.fill(code, text); !filled)
        refuse(result, make_error::invalid_utf8, filled.offset);
    return result;
}

constexpr close_frame close_frame::fit(any_close_code code, std::string_view text, role sender,
                                       make_error &adjusted) noexcept {
    const bool  allowed = is_sendable(code, sender), short_enough = text.size() <= max_reason_size;
    const auto  sent = allowed ? close_code(code) : close_code::internal_error;
    close_frame frame;
    const bool  intact = short_enough && frame.fill(sent, text);
    if (WSCLOSE_UNLIKELY(!intact))
        frame.frame_text(sent, utf8::sanitise(text, frame.bytes_ + 2, max_reason_size));
    adjusted = !allowed        ? make_error::forbidden_code
               : !short_enough ? make_error::reason_too_long
               : !intact       ? make_error::invalid_utf8
                               : make_error::none;
    return frame;
}

constexpr parse_result close_frame::parse(std::string_view body) noexcept {
    parse_result result;
    if (body.empty())
        return result;
    if (body.size() == 1)
        refuse(result, parse_error::truncated_code, 1);
    else if (body.size() > max_body_size)
        refuse(result, parse_error::too_long, max_body_size);
    else if (const close_code code = detail::code_in(body.data()); !is_receivable(code))
        refuse(result, parse_error::forbidden_code, 0);
    else if (const utf8::result filled = result.frame.fill(code, {body.data() + 2, body.size() - 2}); !filled)
        refuse(result, parse_error::invalid_utf8, 2 + filled.offset);
    return result;
}

inline parse_result close_frame::parse(const void *body, std::size_t size) noexcept {
    return parse(std::string_view(static_cast<const char *>(body), size));
}

namespace detail {
// Not constexpr, so that the compiler rejects a bad constant frame and names the cause.
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

/// A constant frame: `frame<close_code::going_away>("maintenance")`. A forbidden code or a text of more than
/// 123 bytes does not compile. Nor does text that is not UTF-8: in C++20 always, in C++17 only if the result is
/// constexpr, as `WSCLOSE_FRAME` ensures. Without a text: `frame<close_code::normal_closure>()`.
template <auto Code, std::size_t Size = 1>
WSCLOSE_CONSTEVAL close_frame frame(const char (&text)[Size] = "") noexcept {
    static_assert(is_sendable(Code), "wsclose: this close code is never on the wire");
    static_assert(Size - 1 <= max_reason_size, "wsclose: the close reason has more than 123 bytes");
    return detail::checked_frame(Code, std::string_view(text, Size - 1));
}

/// A constant frame that the compiler checks in C++17 too: `WSCLOSE_FRAME(wsclose::close_code::going_away, "bye")`.
#define WSCLOSE_FRAME(code, text)                                                                                      \
    ([]() noexcept -> ::wsclose::close_frame {                                                                         \
        constexpr ::wsclose::close_frame wsclose_constant_frame = ::wsclose::frame<(code)>(text);                      \
        return wsclose_constant_frame;                                                                                 \
    }())

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_CLOSE_FRAME_HPP_INCLUDED
