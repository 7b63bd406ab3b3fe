// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_FMT_FORMAT_HPP_INCLUDED
#define WSCLOSE_FMT_FORMAT_HPP_INCLUDED

// {fmt} 7 and later for codes, frames and reports: with <fmt/format.h>, or with the {fmt} that you have included
// before, such as the one in spdlog. Without either, this header adds nothing.
//
//     fmt::format("{}", report)       text, as `write_text` writes it
//     fmt::format("{:.<60}", report)  padded, as a string is
//     fmt::format("{:j}", report)     JSON, as `write_json` writes it; not for a bare code
//     fmt::format("{}", named<game_code>(report))

#if !defined(FMT_FORMAT_H_) && __has_include(<fmt/format.h>)
#    include <fmt/format.h>
#endif

#if defined(FMT_VERSION)

#    include <wsclose/detail/formatter.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {
template <class Value>
using fmt_formatter = formatter<Value, fmt::formatter<fmt::string_view>>;
} // namespace detail
WSCLOSE_END_NAMESPACE

template <>
struct fmt::formatter<wsclose::close_code> : wsclose::detail::fmt_formatter<wsclose::close_code> {};
template <>
struct fmt::formatter<wsclose::close_frame> : wsclose::detail::fmt_formatter<wsclose::close_frame> {};
template <>
struct fmt::formatter<wsclose::close_report> : wsclose::detail::fmt_formatter<wsclose::close_report> {};
template <class Value, class... Enums>
struct fmt::formatter<wsclose::named_value<Value, Enums...>>
    : wsclose::detail::fmt_formatter<wsclose::named_value<Value, Enums...>> {};

#endif // FMT_VERSION

#endif // WSCLOSE_FMT_FORMAT_HPP_INCLUDED
