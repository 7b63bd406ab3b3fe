// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_STD_FORMAT_HPP_INCLUDED
#define WSCLOSE_STD_FORMAT_HPP_INCLUDED

// std::format for codes, frames and reports, if the standard library has <format> (C++20). Without it,
// this header adds nothing.

#include <version>

#if defined(__cpp_lib_format)

#    include <format>
#    include <string_view>
#    include <type_traits>

#    include <wsclose/format.hpp>

namespace wsclose::detail {
/// `{}` formats as `write_text` does, `{:j}` as `write_json` does (not for a bare code).
template <class Value>
struct formatter {
    constexpr auto parse(std::format_parse_context &context) {
        auto at = context.begin();
        if constexpr (!std::is_same_v<Value, close_code>) {
            if (at != context.end() && *at == 'j') {
                json_ = true;
                ++at;
            }
        }
        return at; // std::format rejects anything left before the closing brace
    }

    template <class Context>
    auto format(const Value &value, Context &context) const {
        auto       out  = context.out();
        const auto sink = [&out](std::string_view piece) {
            for (const char c : piece)
                *out++ = c;
        };
        if constexpr (!std::is_same_v<Value, close_code>) {
            if (json_) {
                write_json(value, sink);
                return out;
            }
        }
        write_text(value, sink);
        return out;
    }

private:
    bool json_ = false;
};
} // namespace wsclose::detail

template <>
struct std::formatter<wsclose::close_code> : wsclose::detail::formatter<wsclose::close_code> {};
template <>
struct std::formatter<wsclose::close_frame> : wsclose::detail::formatter<wsclose::close_frame> {};
template <>
struct std::formatter<wsclose::close_report> : wsclose::detail::formatter<wsclose::close_report> {};

#endif // __cpp_lib_format

#endif // WSCLOSE_STD_FORMAT_HPP_INCLUDED
