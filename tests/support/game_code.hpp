// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_GAME_CODE_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_GAME_CODE_HPP_INCLUDED

// The codes of an application.

#include <wsclose/close_code.hpp>

namespace test {
enum class game_code { kicked = 4001, cheated = 4002 };
} // namespace test

template <>
struct wsclose::close_code_traits<test::game_code> {
    static constexpr named_code<test::game_code> codes[] = {{test::game_code::kicked, "kicked"},
                                                            {test::game_code::cheated, "cheated"}};
};

#endif // WSCLOSE_TESTS_SUPPORT_GAME_CODE_HPP_INCLUDED
