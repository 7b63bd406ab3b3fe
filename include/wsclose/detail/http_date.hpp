// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_HTTP_DATE_HPP_INCLUDED
#define WSCLOSE_DETAIL_HTTP_DATE_HPP_INCLUDED

// The value of HTTP's Retry-After.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wsclose::detail {

/// The number that `text` begins with, up to 2^32 - 1, and removes it; -1 if there is none.
constexpr std::int64_t take_number(std::string_view &text) noexcept {
    if (text.empty() || text.front() < '0' || text.front() > '9')
        return -1;
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
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != 29)
        return -1;
    const auto part = [text](std::size_t offset, std::size_t size) {
        return std::string_view(text.data() + offset, size);
    };
    if (part(3, 2) != ", " || text[19] != ':' || text[22] != ':' || part(25, 4) != " GMT")
        return -1;
    const std::size_t month = months.find(part(8, 3));
    std::string_view  day = part(5, 2), year = part(12, 4), hour = part(17, 2), minute = part(20, 2),
                     second = part(23, 2);
    const std::int64_t d = take_number(day), y = take_number(year), h = take_number(hour), m = take_number(minute),
                       s = take_number(second);
    if (month == std::string_view::npos || month % 3 != 0 || d < 1 || d > 31 || y < 1970 || h < 0 || h > 23 || m < 0 ||
        m > 59 || s < 0 || s > 60)
        return -1;
    return days_since_1970(y, static_cast<std::int64_t>(month / 3) + 1, d) * 86400 + h * 3600 + m * 60 + s;
}

/// In how many seconds from `now`, in seconds since 1970, a server asks to come back (RFC 9110 section 10.2.3). 0 if
/// the value is invalid, or a time that has passed.
constexpr std::uint32_t parse_retry_after(std::string_view value, std::int64_t now) noexcept {
    std::string_view   rest    = value;
    const std::int64_t seconds = take_number(rest);
    if (seconds >= 0)
        return rest.empty() ? static_cast<std::uint32_t>(seconds) : 0;
    const std::int64_t wait = parse_http_date(value) - now;
    return wait <= 0 ? 0 : wait > 0xFFFFFFFF ? 0xFFFFFFFF : static_cast<std::uint32_t>(wait);
}

} // namespace wsclose::detail

#endif // WSCLOSE_DETAIL_HTTP_DATE_HPP_INCLUDED
