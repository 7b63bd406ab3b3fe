// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TYPESCRIPT_HPP_INCLUDED
#define WSCLOSE_TYPESCRIPT_HPP_INCLUDED

// An application's close codes, and the advice for every code, as a TypeScript module for a client in a browser.

#include <cstdint>
#include <string_view>

#include <wsclose/advice.hpp>
#include <wsclose/close_code.hpp>
#include <wsclose/format.hpp>
#include <wsclose/reconnect.hpp>

WSCLOSE_BEGIN_NAMESPACE

namespace detail {
template <class Sink>
void write_advice_row(std::uint32_t first, std::uint32_t last, const advice &then, Sink &sink) {
    sink("  [");
    write_number(first, sink);
    sink(", ");
    write_number(last, sink);
    sink(", '");
    sink(name(then.what));
    sink("', ");
    write_number(static_cast<std::uint64_t>(then.minimum), sink);
    sink(", ");
    write_number(static_cast<std::uint64_t>(then.maximum), sink);
    sink("],\n");
}

// Behind the codes and before the rows.
inline constexpr std::string_view typescript_types = R"(} as const
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]

export type NextStep = 'stop' | 'come_back' | 'renew_credentials' | 'go_elsewhere'

/** What to do, and the bounds of a random delay in milliseconds; see `delay`. */
export interface Advice { what: NextStep, minimum: number, maximum: number }

const rows: [first: number, last: number, what: NextStep, minimum: number, maximum: number][] = [
)";

// Behind the rows.
inline constexpr std::string_view typescript_functions = R"(]

/** What to do after a close event with this code. If the page itself has closed, it knows better. */
export function advise(code: number): Advice {
  const row = rows.find(([first, last]) => code >= first && code <= last)
  return row ? { what: row[2], minimum: row[3], maximum: row[4] } : { what: 'stop', minimum: 0, maximum: 0 }
}

/** The delay before the next try, in milliseconds, after that many tries without success. */
export function delay(advice: Advice, tries: number, random = Math.random(), base = )";

inline constexpr std::string_view typescript_delay = R"(): number {
  const limit = Math.min(cap, base * factor ** tries)
  const minimum = Math.max(advice.minimum, fixed * limit)
  const maximum = Math.max(advice.maximum, limit)
  const most = 0x7fffffff // setTimeout() takes more for 0
  return Math.min(most, Math.floor((minimum + random * (maximum - minimum)) / divisor))
}
)";

/// The parameters of `delay`, as `backoff` reads the policy.
template <class Sink>
void write_policy(const backoff_policy &policy, Sink &sink) {
    const std::int64_t base  = policy.base > 0 ? policy.base : 0;
    const bool         grows = policy.factor > 1 && base > 0;
    write_number(static_cast<std::uint64_t>(base), sink);
    sink(", factor = ");
    write_number(grows ? policy.factor : 1, sink);
    sink(", cap = ");
    write_number(static_cast<std::uint64_t>(policy.cap > 0 ? policy.cap : 0), sink);
    sink(policy.spread == jitter::full   ? ", fixed = 0, divisor = "
         : policy.spread == jitter::half ? ", fixed = 0.5, divisor = "
                                         : ", fixed = 1, divisor = ");
    write_number(policy.divisor > 0 ? policy.divisor : 1, sink);
}

/// Whether the text is an identifier in ASCII, which every name of a TypeScript object may be but one.
constexpr bool is_typescript_name(std::string_view text) noexcept {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
    };
    if (text.empty() || !is_letter(text.front()) || text == "__proto__")
        return false;
    for (const char c : text)
        if (!is_letter(c) && !(c >= '0' && c <= '9'))
            return false;
    return true;
}
template <class Enum>
constexpr bool has_typescript_names() noexcept {
    for (const auto &entry : close_code_traits<Enum>::codes)
        if (!is_typescript_name(entry.name))
            return false;
    return true;
}
} // namespace detail

/// Writes the module: `CloseCode`, the codes of `Enum` by their names; `advise(code)`, which says what
/// `advise<Enum>(code)` says, for each of the 65,536 codes; and `delay(advice, tries)`, the backoff with this
/// policy, and for setTimeout() at most 2^31 - 1 ms. The names in `close_code_traits` are letters, digits, `_` and `$`,
/// and do not begin with a digit; others do not compile. `sink` is called with one piece after the other: a
/// `std::string_view` of ASCII.
template <class Enum, class Sink>
void write_typescript(Sink &&sink, const backoff_policy &policy = {}) {
    static_assert(detail::has_typescript_names<Enum>(),
                  "wsclose: a name in close_code_traits is not a name in TypeScript");
    sink("// Written by wsclose from the close codes of the server. Do not edit.\n\nexport const CloseCode = {\n");
    for (const auto &entry : close_code_traits<Enum>::codes) {
        sink("  ");
        sink(entry.name);
        sink(": ");
        detail::write_number(any_close_code(entry.code).value(), sink);
        sink(",\n");
    }
    sink(detail::typescript_types);
    for (std::uint32_t first = 0, next = 0; first < 65536; first = next) {
        const advice then = advise<Enum>(close_code(first));
        for (next = first + 1; next < 65536 && advise<Enum>(close_code(next)) == then;)
            ++next;
        detail::write_advice_row(first, next - 1, then, sink);
    }
    sink(detail::typescript_functions);
    detail::write_policy(policy, sink);
    sink(detail::typescript_delay);
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_TYPESCRIPT_HPP_INCLUDED
