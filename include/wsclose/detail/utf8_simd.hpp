// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_UTF8_SIMD_HPP_INCLUDED
#define WSCLOSE_DETAIL_UTF8_SIMD_HPP_INCLUDED

// UTF-8 in blocks of 16 bytes, for GCC and Clang on x86-64 and AArch64. After John Keiser and Daniel Lemire,
// Validating UTF-8 In Less Than One Instruction Per Byte, 2021. No function reads a byte outside the text.

#include <wsclose/detail/config.hpp>

#if WSCLOSE_HAS_SIMD

#    include <cstddef>
#    include <cstdint>
#    include <cstring>
#    include <utility>

#    if defined(__aarch64__)
#        include <arm_neon.h>
#    endif

WSCLOSE_BEGIN_NAMESPACE
namespace utf8::detail {

using block  = unsigned char __attribute__((vector_size(16)));
using halves = std::uint64_t __attribute__((vector_size(16)));

template <class T>
inline T load(const void *from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

/// Loads one T `at` bytes from each end of a text, copies both to the same places in `to` if asked, and returns
/// their bitwise OR.
template <bool Copies, class T>
inline T take_both_ends(const char *text, std::size_t size, std::size_t at, [[maybe_unused]] char *to) noexcept {
    const std::size_t behind = size - at - sizeof(T);
    const T           first = load<T>(text + at), last = load<T>(text + behind);
    if constexpr (Copies) {
        std::memcpy(to + at, &first, sizeof(T));
        std::memcpy(to + behind, &last, sizeof(T));
    }
    return first | last;
}

/// Whether a text is ASCII. Copies it to `to` if asked, ASCII or not.
template <bool Copies = false>
inline bool is_ascii(const char *text, std::size_t size, char *to = nullptr) noexcept {
    if (size >= 16) {
        block all = take_both_ends<Copies, block>(text, size, 0, to);
        for (std::size_t at = 16; 2 * at < size; at += 16) // until both ends meet
            all |= take_both_ends<Copies, block>(text, size, at, to);
        const auto both = reinterpret_cast<halves>(all);
        return ((both[0] | both[1]) & 0x8080808080808080) == 0;
    }
    if (size >= 8)
        return (take_both_ends<Copies, std::uint64_t>(text, size, 0, to) & 0x8080808080808080) == 0;
    if (size >= 4)
        return (take_both_ends<Copies, std::uint32_t>(text, size, 0, to) & 0x80808080) == 0;
    if (size == 0)
        return true;
    const auto middle = take_both_ends<Copies, unsigned char>(text, size, (size - 1) / 2, to);
    return (take_both_ends<Copies, unsigned char>(text, size, 0, to) | middle) < 0x80;
}

/// Loads fewer than 16 bytes, padded with zeros.
inline block load_short(const char *text, std::size_t size) noexcept {
    std::uint64_t low = 0, high = 0;
    if (size >= 8) {
        low  = load<std::uint64_t>(text);
        high = load<std::uint64_t>(text + size - 8) >> 8 * (15 - size) >> 8;
    } else if (size >= 4) {
        low = load<std::uint32_t>(text) | std::uint64_t{load<std::uint32_t>(text + size - 4)} << 8 * (size - 4);
    } else if (size >= 1) {
        const auto byte = [text](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(text[i])} << 8 * i; };
        low             = byte(0) | byte(size / 2) | byte(size - 1);
    }
    return reinterpret_cast<block>(halves{low, high});
}

// What can be wrong with two consecutive bytes (Unicode standard, table 3-7): a bit for each error. A pair
// has an error if three tables have its bit: at the high and at the low nibble of the first byte, and at the high
// nibble of the second.
inline constexpr unsigned char too_short               = 0x01; // a lead byte without a continuation
inline constexpr unsigned char too_long                = 0x02; // a continuation after ASCII
inline constexpr unsigned char overlong_2              = 0x04; // C0 and C1
inline constexpr unsigned char overlong_3              = 0x08; // E0 80 to E0 9F
inline constexpr unsigned char surrogate               = 0x10; // ED A0 to ED BF
inline constexpr unsigned char too_large               = 0x20; // F4 90 to F4 BF; F5 to FF, and 90 to BF
inline constexpr unsigned char overlong_4_or_too_large = 0x40; // F0 80 to F0 8F; F5 to FF, and 80 to 8F
inline constexpr unsigned char two_continuations       = 0x80; // valid only inside a sequence of three or four bytes

// clang-format off
inline constexpr unsigned char first_high[16] = {
    /* 0 to 7 */ too_long, too_long, too_long, too_long, too_long, too_long, too_long, too_long,
    /* 8 to B */ two_continuations, two_continuations, two_continuations, two_continuations,
    /* C      */ too_short | overlong_2,
    /* D      */ too_short,
    /* E      */ too_short | overlong_3 | surrogate,
    /* F      */ too_short | too_large | overlong_4_or_too_large,
};

inline constexpr unsigned char any_low    = too_short | too_long | two_continuations; // the high nibble alone decides
inline constexpr unsigned char low_5_to_f = any_low | too_large | overlong_4_or_too_large; // F5 to FF
inline constexpr unsigned char first_low[16] = {
    /* 0      */ any_low | overlong_2 | overlong_3 | overlong_4_or_too_large,
    /* 1      */ any_low | overlong_2,
    /* 2, 3   */ any_low, any_low,
    /* 4      */ any_low | too_large,
    /* 5 to C */ low_5_to_f, low_5_to_f, low_5_to_f, low_5_to_f, low_5_to_f, low_5_to_f, low_5_to_f, low_5_to_f,
    /* D      */ low_5_to_f | surrogate,
    /* E, F   */ low_5_to_f, low_5_to_f,
};

inline constexpr unsigned char any_continuation = too_long | overlong_2 | two_continuations;
inline constexpr unsigned char second_high[16] = {
    /* 0 to 7 */ too_short, too_short, too_short, too_short, too_short, too_short, too_short, too_short,
    /* 8      */ any_continuation | overlong_3 | overlong_4_or_too_large,
    /* 9      */ any_continuation | overlong_3 | too_large,
    /* A, B   */ any_continuation | surrogate | too_large, any_continuation | surrogate | too_large,
    /* C to F */ too_short, too_short, too_short, too_short,
};
// clang-format on

#    if defined(__aarch64__)

#        define WSCLOSE_SIMD
inline bool               has_simd() noexcept { return true; }
inline constexpr unsigned bits_per_byte = 4; // in what not_zero() returns

/// The table's entry for each nibble.
inline block look_up(const unsigned char (&table)[16], block nibbles) noexcept {
    return vqtbl1q_u8(load<block>(table), nibbles);
}

/// Four bits for each byte, from the lowest on: set if the byte is not zero.
inline std::uint64_t not_zero(block b) noexcept {
    const uint16x8_t pairs = vreinterpretq_u16_u8(vtstq_u8(b, b));
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(pairs, 4)), 0);
}

#    else

#        define WSCLOSE_SIMD __attribute__((target("ssse3")))
using chars = char __attribute__((vector_size(16)));
inline bool               has_simd() noexcept { return __builtin_cpu_supports("ssse3"); } // may be false before main()
inline constexpr unsigned bits_per_byte = 1;                                              // in what not_zero() returns

/// The table's entry for each nibble.
WSCLOSE_SIMD inline block look_up(const unsigned char (&table)[16], block nibbles) noexcept {
    return reinterpret_cast<block>(__builtin_ia32_pshufb128(load<chars>(table), reinterpret_cast<chars>(nibbles)));
}

/// One bit for each byte, from the lowest on: set if the byte is not zero.
WSCLOSE_SIMD inline std::uint64_t not_zero(block b) noexcept {
    return 0xFFFF & ~static_cast<unsigned>(__builtin_ia32_pmovmskb128(reinterpret_cast<chars>(b == 0)));
}

#    endif

/// The 16 bytes that begin `Count` bytes before `now`, which follows `last`.
template <unsigned char Count, std::size_t... Byte>
WSCLOSE_SIMD inline block before(block last, block now, std::index_sequence<Byte...>) noexcept {
#    if defined(__clang__)
    return __builtin_shufflevector(last, now, (16 - Count + Byte)...);
#    else
    return __builtin_shuffle(last, now, block{static_cast<unsigned char>(16 - Count + Byte)...});
#    endif
}

/// Nonzero in each byte of `now` that proves the text ill-formed. `last` is the block before it.
WSCLOSE_SIMD inline block find_errors(block last, block now) noexcept {
    constexpr std::make_index_sequence<16> all;
    const block                            before1 = before<1>(last, now, all), before2 = before<2>(last, now, all),
                before3 = before<3>(last, now, all);
    const block wrong =
        look_up(first_high, before1 >> 4) & look_up(first_low, before1 & 0x0F) & look_up(second_high, now >> 4);
    const auto not_third_or_fourth = reinterpret_cast<block>((before2 < 0xE0) & (before3 < 0xF0));
    return wrong ^ (~not_third_or_fourth & two_continuations);
}

/// Whether the text that ends with this block ends within a sequence.
inline bool is_cut_off(block last) noexcept { return last[15] >= 0xC0 || last[14] >= 0xE0 || last[13] >= 0xF0; }

/// The offset of the first byte that proves the text ill-formed, at most three bytes behind the start of the
/// ill-formed sequence; `size` if the text is cut off, `size + 1` if it is well-formed. Call it only if has_simd().
WSCLOSE_SIMD inline std::size_t find_error(const char *text, std::size_t size) noexcept {
    block last = {};
    for (std::size_t at = 0; at < size; at += 16) {
        const block now = size - at >= 16 ? load<block>(text + at) : load_short(text + at, size - at);
        if (const std::uint64_t bits = not_zero(find_errors(last, now)))
            return at + static_cast<unsigned>(__builtin_ctzll(bits)) / bits_per_byte;
        last = now;
    }
    return size % 16 == 0 && is_cut_off(last) ? size : size + 1; // in a shorter block, the padding has exposed the cut
}

#    undef WSCLOSE_SIMD

} // namespace utf8::detail
WSCLOSE_END_NAMESPACE

#endif

#endif // WSCLOSE_DETAIL_UTF8_SIMD_HPP_INCLUDED
