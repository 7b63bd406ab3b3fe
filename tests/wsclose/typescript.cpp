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
    CHECK(module.find("base = 100, factor = 3, cap = 9000, fixed = 0, divisor = 1)") != std::string::npos);
}

TEST_CASE("the delays in TypeScript follow a policy as backoff reads it, whatever its numbers are") {
    const auto defaults_of = [](const backoff_policy &policy) {
        std::string module;
        write_typescript<chess_code>([&](std::string_view text) { module += text; }, policy);
        const std::size_t from = module.find("base = ");
        return module.substr(from, module.find(')', from) - from);
    };
    backoff_policy policy;
    CHECK(defaults_of(policy) == "base = 5000, factor = 2, cap = 60000, fixed = 0, divisor = 1");
    policy.spread  = jitter::half;
    policy.divisor = 10;
    CHECK(defaults_of(policy) == "base = 5000, factor = 2, cap = 60000, fixed = 0.5, divisor = 10");
    policy.spread  = jitter::none;
    policy.divisor = 0;
    policy.factor  = 0; // it does not grow; to the power of a number, it would be no delay at all
    CHECK(defaults_of(policy) == "base = 5000, factor = 1, cap = 60000, fixed = 1, divisor = 1");
    policy.base = policy.cap = 1;
    policy.factor            = 2;
    CHECK(defaults_of(policy) == "base = 1, factor = 2, cap = 1, fixed = 1, divisor = 1");
    policy.base   = -1;
    policy.cap    = -1;
    policy.factor = 2; // 0 times infinity is not a number
    CHECK(defaults_of(policy) == "base = 0, factor = 1, cap = 0, fixed = 1, divisor = 1");
}
