// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_ADVICE_HPP_INCLUDED
#define WSCLOSE_ADVICE_HPP_INCLUDED

// Advice on whether a client comes back, when and as whom, and rows for a program's own codes.

#include <cstdint>
#include <string_view>

#include <wsclose/close_code.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// What a client does after its connection has ended.
enum class next_step : std::uint8_t {
    stop,              ///< it does not come back by itself
    come_back,         ///< it connects again after a delay
    renew_credentials, ///< as `come_back`, but with new credentials, such as a token or a password
    go_elsewhere,      ///< as `come_back`, but to another address if it knows one
};

/// The enumerator's name.
constexpr std::string_view name(next_step what) noexcept {
    using namespace std::string_view_literals;
    constexpr std::string_view names[] = {"stop"sv, "come_back"sv, "renew_credentials"sv, "go_elsewhere"sv};
    const auto                 index   = static_cast<unsigned>(what);
    return names[index < 4 ? index : 0];
}

/// The next step, and the bounds of the delay before it, in milliseconds: a random time from `minimum` to `maximum`.
/// `backoff` may raise both bounds, and never lowers them.
struct advice {
    next_step    what    = next_step::stop; ///< whether to come back, and with what changed
    std::int64_t minimum = 0;               ///< the shortest delay, in milliseconds
    std::int64_t maximum = 0;               ///< the longest delay, in milliseconds

    /// Whether the client comes back.
    constexpr explicit operator bool() const noexcept { return what != next_step::stop; }
};

/// Whether the steps and both bounds are equal.
constexpr bool operator==(const advice &a, const advice &b) noexcept {
    return a.what == b.what && a.minimum == b.minimum && a.maximum == b.maximum;
}
/// The opposite of `==`.
constexpr bool operator!=(const advice &a, const advice &b) noexcept { return !(a == b); }

/// A program's own advice for the codes from `first` to `last`, both included.
struct advised_range {
    any_close_code  first; ///< the lowest code
    any_close_code  last;  ///< the highest code, not below `first`
    wsclose::advice then;  ///< what a client does after each of them
};

/// One code of an application's enum, with its name and the advice for it. `close_code_traits` may hold an array of
/// these in place of `named_code`:
///
///     template <>
///     struct wsclose::close_code_traits<game_code> {
///         static constexpr wsclose::advised_code<game_code> codes[] = {
///             {game_code::kicked, "kicked", {wsclose::next_step::come_back, 60'000, 120'000}},
///             {game_code::banned, "banned", {wsclose::next_step::stop}}};
///     };
template <class Enum>
struct advised_code {
    Enum             code; ///< in 3000 to 4999
    std::string_view name; ///< as `named_code::name`
    wsclose::advice  then; ///< what a client does after it
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_ADVICE_HPP_INCLUDED
