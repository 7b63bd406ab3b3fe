// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_MUTATE_MUTANT_HPP_INCLUDED
#define WSCLOSE_MUTATE_MUTANT_HPP_INCLUDED

/// Every mutant is in the program. The environment says which one is active: WSCLOSE_MUTANT is its number. If
/// WSCLOSE_MUTANTS_REACHED names a file, the numbers of those that were reached are written there at exit.
/// mutants.py puts calls of these functions into the headers. What the compiler computes has no mutants.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

namespace mutant {

inline constexpr int     most = 16384;
inline std::atomic<bool> reached[most];

inline void write_reached() {
    std::FILE *file = std::fopen(std::getenv("WSCLOSE_MUTANTS_REACHED"), "a");
    for (int id = 0; file != nullptr && id < most; ++id)
        if (reached[id])
            std::fprintf(file, "%d\n", id);
    if (file != nullptr)
        std::fclose(file);
}

inline int read_active() {
    if (std::getenv("WSCLOSE_MUTANTS_REACHED") != nullptr)
        std::atexit(write_reached);
    const char *id = std::getenv("WSCLOSE_MUTANT");
    return id != nullptr ? std::atoi(id) : -1;
}
inline const int active = read_active();

inline bool is_active(int id) {
    reached[id].store(true, std::memory_order_relaxed);
    return id == active;
}

constexpr bool on(int id) { return !__builtin_is_constant_evaluated() && is_active(id); }

/// A condition: always true (`id`), always false (`id + 1`).
constexpr bool condition(int id, bool value) { return on(id) || (value && !on(id + 1)); }

/// A number: one more.
template <class T>
constexpr T number(int id, T value) {
    return on(id) ? static_cast<T>(value + 1) : value;
}

/// An enumerator: the next one.
template <class T>
constexpr T enumerator(int id, T value) {
    return on(id) ? static_cast<T>(static_cast<std::underlying_type_t<T>>(value) + 1) : value;
}

template <class A, class B>
constexpr bool less(int id, const A &a, const B &b) {
    return on(id) ? a <= b : a < b;
}
template <class A, class B>
constexpr bool less_equal(int id, const A &a, const B &b) {
    return on(id) ? a < b : a <= b;
}
template <class A, class B>
constexpr bool greater(int id, const A &a, const B &b) {
    return on(id) ? a >= b : a > b;
}
template <class A, class B>
constexpr bool greater_equal(int id, const A &a, const B &b) {
    return on(id) ? a > b : a >= b;
}
template <class A, class B>
constexpr auto plus(int id, const A &a, const B &b) {
    return on(id) ? a - b : a + b;
}
template <class A, class B>
constexpr auto minus(int id, const A &a, const B &b) {
    return on(id) ? a + b : a - b;
}
template <class A, class B>
constexpr auto times(int id, const A &a, const B &b) {
    return on(id) ? a + b : a * b;
}
template <class A, class B>
constexpr auto bit_and(int id, const A &a, const B &b) {
    return on(id) ? a | b : a & b;
}
template <class A, class B>
constexpr auto bit_or(int id, const A &a, const B &b) {
    return on(id) ? a & b : a | b;
}
template <class A, class B>
constexpr auto left(int id, const A &a, const B &b) {
    return on(id) ? a >> b : a << b;
}
template <class A, class B>
constexpr auto right(int id, const A &a, const B &b) {
    return on(id) ? a << b : a >> b;
}

} // namespace mutant

#endif // WSCLOSE_MUTATE_MUTANT_HPP_INCLUDED
