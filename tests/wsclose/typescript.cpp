// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/typescript.hpp>

#include <string>
#include <string_view>

#include "support/catch.hpp"

// That the module compiles, and decides as the C++ does, is in tests/interop.

enum class chess_code { resigned = 4000, banned = 4999 };
template <>
struct wsclose::close_code_traits<chess_code> {
    static constexpr wsclose::advised_code<chess_code> codes[] = {
        {chess_code::resigned, "resigned", {wsclose::next_step::renew_credentials, 1, 4'294'967'296}},
        {chess_code::banned, "banned", {wsclose::next_step::stop}}};
};

using namespace wsclose;

TEST_CASE("the TypeScript module has the application's codes, rows for all codes, and the policy's delays") {
    std::string    module;
    backoff_policy policy;
    policy.base   = 100;
    policy.cap    = 9'000;
    policy.factor = 3;
    write_typescript<chess_code>([&](std::string_view text) { module += text; }, policy);
    CHECK(module.find("export const CloseCode = {\n  resigned: 4000,\n  banned: 4999,\n} as const\n") !=
          std::string::npos);
    CHECK(module.find(" = [\n  [0, 999, 'come_back', 30000, 60000],\n  [1000, 1000, 'stop', 0, 0],\n") !=
          std::string::npos);
    CHECK(module.find("  [3004, 3999, 'come_back', 0, 0],\n"
                      "  [4000, 4000, 'renew_credentials', 1, 4294967296],\n"
                      "  [4001, 4998, 'come_back', 0, 0],\n"
                      "  [4999, 4999, 'stop', 0, 0],\n"
                      "  [5000, 65535, 'come_back', 30000, 60000],\n]\n") != std::string::npos);
    CHECK(module.find("base = 100, factor = 3, cap = 9000)") != std::string::npos);
}
