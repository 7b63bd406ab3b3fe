// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_FORMATTER_HPP_INCLUDED
#define WSCLOSE_DETAIL_FORMATTER_HPP_INCLUDED

// What the formatters for std::format and for {fmt} have in common.

#include <string_view>

#include <wsclose/format.hpp>
#include <wsclose/named.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

template <class Value>
inline constexpr bool has_json = true;
template <>
inline constexpr bool has_json<close_code> = false;
template <class... Enums>
inline constexpr bool has_json<named_value<close_code, Enums...>> = false;

/// `{}` formats as `write_text` does, `{:>40}` pads that as `Strings`, the formatter of a string, does, and `{:j}`
/// formats as `write_json` does (not a bare code).
template <class Value, class Strings>
struct formatter : Strings {
    template <class Context>
    constexpr auto parse(Context &context) -> decltype(context.begin()) {
        if constexpr (has_json<Value>) {
            auto at = context.begin();
            json_   = at != context.end() && *at == 'j';
            if (json_)
                return ++at; // whatever is left before the closing brace is rejected
        }
        return Strings::parse(context);
    }

    template <class Context>
    auto format(const Value &value, Context &context) const -> decltype(context.out()) {
        if constexpr (has_json<Value>) {
            if (json_) {
                auto out = context.out();
                write_json(value, [&out](std::string_view piece) {
                    for (const char c : piece)
                        *out++ = c;
                });
                return out;
            }
        }
        const text_line line(value);
        Strings         padded = *this; // a copy: in {fmt} 7, its format() is not const
        return padded.format({line.c_str(), line.view().size()}, context);
    }

private:
    bool json_ = false;
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_DETAIL_FORMATTER_HPP_INCLUDED
