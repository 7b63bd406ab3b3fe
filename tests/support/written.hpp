// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_WRITTEN_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_WRITTEN_HPP_INCLUDED

#include <string>
#include <string_view>

#include <wsclose/format.hpp>

namespace test {

/// What is written of a value, as text.
template <class Value>
std::string text(const Value &value) {
    return std::string(wsclose::text_line(value).view());
}

/// The same as JSON.
template <class Value>
std::string json(const Value &value) {
    std::string out;
    write_json(value, [&out](std::string_view piece) { out += piece; });
    return out;
}

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_WRITTEN_HPP_INCLUDED
