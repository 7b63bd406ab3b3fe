// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_RECONNECT_HPP_INCLUDED
#define WSCLOSE_RECONNECT_HPP_INCLUDED

// Whether, when and as whom a client comes back after its connection has ended, and how its delays grow.

#include <cstdint>
#include <type_traits>

#include <wsclose/advice.hpp>
#include <wsclose/close_code.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/detail/advice_rows.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// What a client does after its peer has closed with `code`. `Tables` are arrays of `advised_range` or `advised_code`,
/// and take precedence over the advice of wsclose. Two rows for one code do not compile.
template <const auto &...Tables>
constexpr advice advise(any_close_code code) noexcept {
    const auto &own = detail::own_rows_of<Tables...>;
    return detail::find_advice(own.rows, own.count, code.value(), detail::find_advice(detail::code_rows, code.value()));
}

/// What a client does after its connection ended, or its attempt failed, as the report says:
/// - If this program closed or dropped the connection: `stop`. The program knows what it wants next.
/// - If an upgrade was refused, the HTTP status decides, and `Retry-After`, up to a day, on the delay (RFC 9110
///   section 10.2.3).
/// - Otherwise the cause decides, or the code, for which `Tables` take precedence. A code that may have been changed on
///   its way counts as 1012, since servers send that.
template <const auto &...Tables>
constexpr advice advise(const close_report &report) noexcept {
    if (detail::program_closed(report))
        return detail::stop;
    const cause why = report.cause();
    if (why == cause::upgrade_refused)
        return detail::advise_on_refusal(report.http_status(), report.retry_after());
    const detail::cause_row &row = detail::cause_rows[static_cast<unsigned>(why)];
    if (!row.code_decides)
        return row.then;
    return advise<Tables...>(report.code_uncertain() ? close_code::service_restart : report.code());
}

/// The same with the table in `close_code_traits<Enum>`, for a code or a report.
template <class Enum, class What>
constexpr auto advise(const What &what) noexcept -> std::enable_if_t<std::is_enum_v<Enum>, advice> {
    static_assert(detail::is_application_enum<Enum>(),
                  "wsclose: this enum has no close_code_traits; list its codes there");
    if constexpr (detail::is_application_enum<Enum>())
        return advise<close_code_traits<Enum>::codes>(what);
    else
        return detail::stop;
}

/// Which part of the growing delay is random.
enum class jitter : std::uint8_t {
    full, ///< all of it
    half, ///< the upper half
    none, ///< nothing: the delay is always the longest one
};

/// How the delay grows. All times are in milliseconds; negative ones count as 0. By default the first delay is random
/// within 5 s, as RFC 6455 section 7.2.3 suggests, and its limit doubles with each try.
struct backoff_policy {
    std::int64_t  base        = 5'000;        ///< the longest delay before the first try
    std::int64_t  cap         = 60'000;       ///< the longest delay of all, unless the advice asks for more
    std::int64_t  reset_after = 5'000;        ///< a connection that lasted at least as long was a success
    std::uint32_t factor      = 2;            ///< growth with each try; 0 and 1: it does not grow
    std::uint32_t divisor     = 1;            ///< divides every delay, the advised ones too, so that tests are fast
    jitter        spread      = jitter::full; ///< which part of each delay is random
};

/// Counts the tries of one client, and gives the delay before each.
class backoff {
public:
    /// The advice with the bounds of the delay before the next try.
    constexpr advice bounds(const advice &then, const backoff_policy &policy = {}) const noexcept {
        const std::int64_t longest  = grown(policy);
        const std::int64_t shortest = policy.spread == jitter::full   ? 0
                                      : policy.spread == jitter::half ? longest / 2
                                                                      : longest;
        const std::int64_t minimum  = larger(then.minimum, shortest);
        const std::int64_t maximum  = larger(larger(then.maximum, longest), minimum);
        const std::int64_t divisor  = policy.divisor > 0 ? policy.divisor : 1;
        return {then.what, minimum / divisor, maximum / divisor};
    }

    /// Counts a try, and returns the delay before it, in milliseconds. `lasted` is how long the connection was open
    /// (`close_report::lasted()`), and `random` any random number.
    constexpr std::int64_t next(const advice &then, std::int64_t lasted, std::uint64_t random,
                                const backoff_policy &policy = {}) noexcept {
        if (lasted > 0 && lasted >= policy.reset_after)
            reset();
        const advice        within = bounds(then, policy);
        const std::uint64_t width  = static_cast<std::uint64_t>(within.maximum - within.minimum) + 1;
        ++tries_;
        return within.minimum + static_cast<std::int64_t>(random % width);
    }

    /// Starts again: the next try counts as the first.
    constexpr void reset() noexcept { tries_ = 0; }

    /// How many tries there were since the last success.
    constexpr std::uint32_t tries() const noexcept { return tries_; }

private:
    static constexpr std::int64_t larger(std::int64_t a, std::int64_t b) noexcept { return a > b ? a : b; }

    constexpr std::int64_t grown(const backoff_policy &policy) const noexcept {
        const std::int64_t cap     = larger(policy.cap, 0);
        std::int64_t       longest = larger(policy.base, 0);
        if (policy.factor > 1)
            for (std::uint32_t i = 0; i < tries_ && longest > 0 && longest < cap; ++i)
                longest = longest > cap / policy.factor ? cap : longest * policy.factor;
        return longest < cap ? longest : cap;
    }

    std::uint32_t tries_ = 0;
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_RECONNECT_HPP_INCLUDED
