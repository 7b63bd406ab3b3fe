// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_ERROR_CODE_HPP_INCLUDED
#define WSCLOSE_ERROR_CODE_HPP_INCLUDED

// Endings and errors as std::error_code. Messages allocate; the header works without exceptions and RTTI.

#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_report.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// What an ending may be compared with, whatever its code: `if (ec == wsclose::condition::clean_close)`.
enum class condition {
    clean_close = 1, ///< the closing handshake is known to be complete, as `close_report::clean()` says
};

WSCLOSE_END_NAMESPACE

// `std::error_code ec = parsed.error`. `none` is 0: no error.
template <>
struct std::is_error_code_enum<wsclose::parse_error> : std::true_type {};
// `std::error_code ec = made.error`. `none` is 0: no error.
template <>
struct std::is_error_code_enum<wsclose::make_error> : std::true_type {};
// `ec == wsclose::close_code::going_away`: true for an ending with this code, clean or not.
template <>
struct std::is_error_condition_enum<wsclose::close_code> : std::true_type {};
template <>
struct std::is_error_condition_enum<wsclose::condition> : std::true_type {};

WSCLOSE_BEGIN_NAMESPACE

/// The category `wsclose.close`, whose values are close codes, such as 1001: the code of a clean ending, or a code
/// alone. 1006 and 1015, which no clean ending has, are always in this category.
inline const std::error_category &close_category() noexcept;

/// The category `wsclose.unclean_close`, whose values are the codes of endings that were not clean.
inline const std::error_category &unclean_close_category() noexcept;

/// The category `wsclose.parse`, whose values are those of `parse_error`. An error also equals the code with which it
/// is answered: `ec == wsclose::close_code::protocol_error`.
inline const std::error_category &parse_category() noexcept;

/// The category `wsclose.make`, whose values are those of `make_error`. The errors equal `std::errc::invalid_argument`,
/// `message_size` and `illegal_byte_sequence`, in their order.
inline const std::error_category &make_category() noexcept;

/// The category `wsclose.condition`, of `condition`.
inline const std::error_category &condition_category() noexcept;

/// Called by std::error_code's constructor: `std::error_code ec = parsed.error`. `none` is 0: no error.
inline std::error_code make_error_code(parse_error error) noexcept {
    return {static_cast<int>(error), parse_category()};
}

/// Called by std::error_code's constructor: `std::error_code ec = made.error`. `none` is 0: no error.
inline std::error_code make_error_code(make_error error) noexcept { return {static_cast<int>(error), make_category()}; }

/// A code alone, such as one that the program gives to its own handler: `make_error_code(close_code::going_away)`.
inline std::error_code make_error_code(close_code code) noexcept { return {static_cast<int>(code), close_category()}; }

/// How a connection ended. The value is `report.code()`, so it is never 0: even a clean ending counts as an error, as
/// the end of a file does. `report.violation()` has the details of an invalid frame.
inline std::error_code make_error_code(const close_report &report) noexcept {
    const close_code code       = report.code();
    const bool       never_sent = code == close_code::abnormal_closure || code == close_code::tls_handshake;
    return {static_cast<int>(code), report.clean() || never_sent ? close_category() : unclean_close_category()};
}

/// Called by a comparison: `ec == wsclose::close_code::going_away` is true for an ending with this code, clean or not.
inline std::error_condition make_error_condition(close_code code) noexcept {
    return {static_cast<int>(code), close_category()};
}

/// Called by a comparison: `ec == wsclose::condition::clean_close`.
inline std::error_condition make_error_condition(condition value) noexcept {
    return {static_cast<int>(value), condition_category()};
}

namespace detail {
/// A value of a category as a code; outside of 16 bits, 65535.
constexpr close_code code_of(int value) noexcept {
    return value < 0 || value > 65535 ? close_code{65535} : static_cast<close_code>(value);
}

struct close_category_type : std::error_category {
    const char *name() const noexcept override { return "wsclose.close"; }

    /// `the peer broke the protocol (1002 protocol_error)`
    std::string message(int value) const override {
        const close_code       code  = code_of(value);
        const std::string_view known = wsclose::name(code);
        std::string            result(description(code));
        result += " (" + std::to_string(value);
        if (!known.empty())
            result.append(" ").append(known);
        return result += ")";
    }
};

struct unclean_close_category_type final : close_category_type {
    const char *name() const noexcept override { return "wsclose.unclean_close"; }
    std::string message(int value) const override {
        return "not closed cleanly: " + close_category_type::message(value);
    }
    std::error_condition default_error_condition(int value) const noexcept override {
        return {value, close_category()};
    }
};

/// A value of a category as its enumerator; `none` if there is no such enumerator.
template <class Error>
constexpr Error error_of(int value) noexcept {
    return value < 0 || value > 255 ? Error::none : static_cast<Error>(value);
}

template <class Error>
std::string error_message(int value) {
    const std::string_view known = description(error_of<Error>(value));
    return std::string(!known.empty() ? known : value == 0 ? "no error" : "unknown error");
}

struct parse_category_type final : std::error_category {
    const char          *name() const noexcept override { return "wsclose.parse"; }
    std::string          message(int value) const override { return error_message<parse_error>(value); }
    std::error_condition default_error_condition(int value) const noexcept override {
        parse_result result;
        result.error = error_of<parse_error>(value);
        if (description(result.error).empty())
            return {value, *this};
        return make_error_condition(result.answer().code());
    }
};

struct make_category_type final : std::error_category {
    const char          *name() const noexcept override { return "wsclose.make"; }
    std::string          message(int value) const override { return error_message<make_error>(value); }
    std::error_condition default_error_condition(int value) const noexcept override {
        switch (error_of<make_error>(value)) {
        case make_error::none: break;
        case make_error::forbidden_code: return std::errc::invalid_argument;
        case make_error::reason_too_long: return std::errc::message_size;
        case make_error::invalid_utf8: return std::errc::illegal_byte_sequence;
        }
        return {value, *this};
    }
};

struct condition_category_type final : std::error_category {
    const char *name() const noexcept override { return "wsclose.condition"; }
    std::string message(int value) const override {
        return value == static_cast<int>(condition::clean_close) ? "closed cleanly" : "unknown condition";
    }
    bool equivalent(const std::error_code &error, int value) const noexcept override {
        if (value != static_cast<int>(condition::clean_close) || error.category() != close_category())
            return false;
        const close_code code = code_of(error.value());
        return is_receivable(code) || code == close_code::no_status_received;
    }
};

template <class Category>
const std::error_category &only() noexcept {
    static const Category category;
    return category;
}
} // namespace detail

inline const std::error_category &close_category() noexcept { return detail::only<detail::close_category_type>(); }
inline const std::error_category &unclean_close_category() noexcept {
    return detail::only<detail::unclean_close_category_type>();
}
inline const std::error_category &parse_category() noexcept { return detail::only<detail::parse_category_type>(); }
inline const std::error_category &make_category() noexcept { return detail::only<detail::make_category_type>(); }
inline const std::error_category &condition_category() noexcept {
    return detail::only<detail::condition_category_type>();
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_ERROR_CODE_HPP_INCLUDED
