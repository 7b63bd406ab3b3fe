// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_NAMED_HPP_INCLUDED
#define WSCLOSE_NAMED_HPP_INCLUDED

// Codes, frames and reports, written with the names of an application's own codes: `4001 kicked "bye"`.

#include <cstddef>
#include <iosfwd>
#include <string_view>
#include <type_traits>

#include <wsclose/close_code.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/format.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// What `named` returns. It refers to the value, so use it in the same expression.
template <class Value, class... Enums>
class named_value {
public:
    explicit constexpr named_value(const Value &value) noexcept : value_(&value) {} ///< what `named` calls

    constexpr const Value &value() const noexcept { return *value_; } ///< the code, frame or report

private:
    const Value *value_;
};

inline constexpr std::size_t max_code_name_size = 48; ///< the longest name that `named` takes, in bytes

namespace detail {
/// Whether each name needs no escape and leaves room in a `text_line`.
template <class Enum>
constexpr bool all_names_fit_a_line() noexcept {
    for (const auto &entry : close_code_traits<Enum>::codes) {
        if (entry.name.empty() || entry.name.size() > max_code_name_size)
            return false;
        for (const char c : entry.name)
            if (c < ' ' || c > '~' || c == '"' || c == '\\')
                return false;
    }
    return true;
}
} // namespace detail

/// Wraps a code, a frame or a report for everything that writes one: `text_line(named<game_code>(report))`,
/// `stream << named<game_code>(report)`, `write_json(named<game_code>(report), sink)`. If several enums list a code,
/// the first names it. If none does, the code has its registered name, if any. A name is 1 to 48 bytes of printable
/// ASCII without quotes and backslashes; others do not compile.
template <class... Enums, class Value>
constexpr named_value<Value, Enums...> named(const Value &value) noexcept {
    static_assert((detail::is_application_enum<Enums>() && ...), "wsclose: this enum has no close_code_traits");
    static_assert((detail::all_names_fit_a_line<Enums>() && ...),
                  "wsclose: a name in close_code_traits is empty, has more than 48 bytes, or needs an escape");
    return named_value<Value, Enums...>(value);
}

namespace detail {
/// A sink that knows the names of an application's codes.
template <class Sink, class... Enums>
struct naming_sink {
    Sink &sink;

    constexpr void operator()(std::string_view piece) { sink(piece); }
};

template <class Sink, class... Enums>
inline constexpr bool writes_names<naming_sink<Sink, Enums...>> = true;

template <class Enum>
constexpr std::string_view listed_name(close_code code) noexcept {
    for (const auto &entry : close_code_traits<Enum>::codes)
        if (any_close_code(entry.code) == code)
            return entry.name;
    return {};
}

template <class Sink, class... Enums>
constexpr std::string_view name_for(close_code code, const naming_sink<Sink, Enums...> & /*sink*/) noexcept {
    std::string_view known;
    const bool       listed = (!(known = listed_name<Enums>(code)).empty() || ...);
    return listed ? known : name(code);
}
} // namespace detail

/// Writes the value as `write_text(value, sink)` does, with the names of the enums: `4001 kicked "bye"`.
template <class Value, class... Enums, class Sink>
constexpr void write_text(const named_value<Value, Enums...> &value, Sink &&sink) {
    write_text(value.value(), detail::naming_sink<std::remove_reference_t<Sink>, Enums...>{sink});
}

/// Writes the value as `write_json(value, sink)` does, with a name after each code: `"code":4001,"name":"kicked"`, or
/// `"name":null` if it has none. `named<>(report)` has the registered names only.
template <class Value, class... Enums, class Sink>
constexpr void write_json(const named_value<Value, Enums...> &value, Sink &&sink) {
    write_json(value.value(), detail::naming_sink<std::remove_reference_t<Sink>, Enums...>{sink});
}

/// Writes the members of a report as `write_json_members(report, sink)` does, with the names of the enums.
template <class... Enums, class Sink>
constexpr void write_json_members(const named_value<close_report, Enums...> &value, Sink &&sink) {
    write_json_members(value.value(), detail::naming_sink<std::remove_reference_t<Sink>, Enums...>{sink});
}

/// `stream << named<game_code>(report)` writes what `write_text` writes, in one piece, so padding applies.
template <class Value, class... Enums, class Traits>
std::basic_ostream<char, Traits> &operator<<(std::basic_ostream<char, Traits>   &stream,
                                             const named_value<Value, Enums...> &value) {
    const text_line line(value);
    return stream << std::basic_string_view<char, Traits>(line.c_str(), line.view().size());
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_NAMED_HPP_INCLUDED
