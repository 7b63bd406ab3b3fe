// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_STD_FORMAT_HPP_INCLUDED
#define WSCLOSE_STD_FORMAT_HPP_INCLUDED

// std::format for codes, frames and reports, if the standard library has <format> (C++20). Without it,
// this header adds nothing.
//
//     std::format("{}", report)       text, as `write_text` writes it
//     std::format("{:.<60}", report)  padded, as a string is
//     std::format("{:j}", report)     JSON, as `write_json` writes it; not for a bare code
//     std::format("{}", named<game_code>(report))

#include <version>

#if defined(__cpp_lib_format)

#    include <format>
#    include <string_view>

#    include <wsclose/detail/formatter.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {
template <class Value>
using std_formatter = formatter<Value, std::formatter<std::string_view>>;
} // namespace detail
WSCLOSE_END_NAMESPACE

template <>
struct std::formatter<wsclose::close_code> : wsclose::detail::std_formatter<wsclose::close_code> {};
template <>
struct std::formatter<wsclose::close_frame> : wsclose::detail::std_formatter<wsclose::close_frame> {};
template <>
struct std::formatter<wsclose::close_report> : wsclose::detail::std_formatter<wsclose::close_report> {};
template <class Value, class... Enums>
struct std::formatter<wsclose::named_value<Value, Enums...>>
    : wsclose::detail::std_formatter<wsclose::named_value<Value, Enums...>> {};

#endif // __cpp_lib_format

#endif // WSCLOSE_STD_FORMAT_HPP_INCLUDED
