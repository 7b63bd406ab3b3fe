// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_CONFIG_HPP_INCLUDED
#define WSCLOSE_DETAIL_CONFIG_HPP_INCLUDED

// Everything that depends on the compiler or on the version of the language.

#include <wsclose/version.hpp>

#if !defined(__cplusplus) || __cplusplus < 201703L
#    if !defined(_MSVC_LANG) || _MSVC_LANG < 201703L
#        error "wsclose needs C++17 or later: compile with -std=c++17 (GCC 11 and Clang 16 do so by default)"
#    endif
#endif

// `consteval` from C++20 on, `constexpr` in C++17.
#if defined(__cpp_consteval) && __cpp_consteval >= 201811L
#    define WSCLOSE_HAS_CONSTEVAL 1
#    define WSCLOSE_CONSTEVAL consteval
#else
#    define WSCLOSE_HAS_CONSTEVAL 0
#    define WSCLOSE_CONSTEVAL constexpr
#endif

// A condition that is rarely true. A macro, because Clang honours the hint only inside the `if`.
#if defined(__GNUC__)
#    define WSCLOSE_UNLIKELY(condition) __builtin_expect(condition, 0)
#else
#    define WSCLOSE_UNLIKELY(condition) (condition)
#endif

// A function that would make its callers larger, or slower, if it became part of them.
#if defined(__GNUC__)
#    define WSCLOSE_NOINLINE __attribute__((noinline))
#else
#    define WSCLOSE_NOINLINE
#endif

// Whether text is checked in blocks of 16 bytes at run time. Off when optimising for size.
#if defined(__GNUC__) && !defined(__OPTIMIZE_SIZE__) &&                                                                \
    ((defined(__x86_64__) && defined(__SSE2__)) || (defined(__AARCH64EL__) && defined(__ARM_NEON)))
#    define WSCLOSE_HAS_SIMD 1
#else
#    define WSCLOSE_HAS_SIMD 0
#endif
#if defined(__clang__) && defined(__x86_64__)
#    if !__has_builtin(__builtin_ia32_pshufb128) || !__has_builtin(__builtin_ia32_pmovmskb128)
#        undef WSCLOSE_HAS_SIMD
#        define WSCLOSE_HAS_SIMD 0
#    endif
#endif

#endif // WSCLOSE_DETAIL_CONFIG_HPP_INCLUDED
