// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Writes the close codes of a game as a TypeScript module for its clients in browsers: browser_codes >close_codes.ts

#include <iostream>

#include <wsclose.hpp>
#include <wsclose/typescript.hpp>

enum class game_code { kicked = 4001, banned = 4003, token_expired = 4010 };

template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr wsclose::advised_code<game_code> codes[] = {
        {game_code::kicked, "kicked", {wsclose::next_step::come_back, 60'000, 120'000}},
        {game_code::banned, "banned", {wsclose::next_step::stop}},
        {game_code::token_expired, "token_expired", {wsclose::next_step::renew_credentials}},
    };
};

// For a test: what the server would do for each code, a line each.
static void print_all() {
    for (unsigned code = 0; code <= 65535; ++code) {
        const wsclose::advice then = wsclose::advise<game_code>(wsclose::close_code(code));
        std::cout << name(then.what) << ' ' << then.minimum << ' ' << then.maximum << '\n';
    }
}

int main(int count, char **) {
    if (count > 1)
        print_all();
    else
        wsclose::write_typescript<game_code>([](std::string_view text) { std::cout << text; });
}
