// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_HTTP_DATE_HPP_INCLUDED
#define WSCLOSE_DETAIL_HTTP_DATE_HPP_INCLUDED

// The value of HTTP's Retry-After.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <wsclose/version.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// The number that `text` begins with, up to 2^32 - 1, and removes it; 0 if there is none.
constexpr std::int64_t take_number(std::string_view &text) noexcept {
    std::int64_t number = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
        number = number * 10 + (text.front() - '0');
        if (number > 0xFFFFFFFF)
            number = 0xFFFFFFFF;
    }
    return number;
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. The year begins in March, so that the leap day is its last.
constexpr std::int64_t days_since_1970(std::int64_t year, std::int64_t month, std::int64_t day) noexcept {
    year -= month < 3;
    const std::int64_t month_from_march = (month + 9) % 12;
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * month_from_march + 2) / 5 + day - 1 - 719468;
}

/// Seconds since 1970 of a date as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7); -1 if it is none.
constexpr std::int64_t parse_http_date(std::string_view text) noexcept {
    constexpr struct {
        std::uint8_t  offset, size;
        std::uint16_t least, most;
    } fields[] = {{5, 2, 1, 31}, {12, 4, 1970, 9999}, {17, 2, 0, 23}, {20, 2, 0, 59}, {23, 2, 0, 60}};
    constexpr std::string_view form = "xxx, xx xxx xxxx xx:xx:xx GMT", months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != form.size())
        return -1;
    for (std::size_t i = 0; i < form.size(); ++i)
        if (form[i] != 'x' && form[i] != text[i])
            return -1;
    std::int64_t value[5] = {}; // day, year, hour, minute, second
    for (std::size_t i = 0; i < 5; ++i) {
        std::string_view digits(text.data() + fields[i].offset, fields[i].size);
        value[i] = take_number(digits);
        if (!digits.empty() || value[i] < fields[i].least || value[i] > fields[i].most)
            return -1;
    }
    const std::size_t month = months.find(std::string_view(text.data() + 8, 3));
    if (month == std::string_view::npos || month % 3 != 0)
        return -1;
    const std::int64_t days = days_since_1970(value[1], static_cast<std::int64_t>(month / 3) + 1, value[0]);
    return days * 86400 + value[2] * 3600 + value[3] * 60 + value[4];
}

/// In how many seconds from `now`, in seconds since 1970, a server asks to come back (RFC 9110 section 10.2.3). 0 if
/// the value is invalid, or a time that has passed.
constexpr std::uint32_t parse_retry_after(std::string_view value, std::int64_t now) noexcept {
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) // not part of it (RFC 9110 section 5.5)
        value.remove_suffix(1);
    std::string_view   rest    = value;
    const std::int64_t seconds = take_number(rest);
    if (rest.empty())
        return static_cast<std::uint32_t>(seconds);
    const std::int64_t wait = parse_http_date(value) - now;
    return wait <= 0 ? 0 : wait > 0xFFFFFFFF ? 0xFFFFFFFF : static_cast<std::uint32_t>(wait);
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_DETAIL_HTTP_DATE_HPP_INCLUDED
