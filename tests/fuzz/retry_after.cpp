// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The value of Retry-After, for any text: against strptime, strftime and timegm of the C library.

#include <ctime>

#include <wsclose/detail/http_date.hpp>

#include "fuzz/fuzz.hpp"

using namespace wsclose::detail;
using fuzz::must;

namespace {

constexpr std::int64_t most    = 0xFFFFFFFF;      // seconds that a report can hold
constexpr std::int64_t in_9999 = 253'402'300'799; // the last second of the last year

constexpr const char *form = "%a, %d %b %Y %H:%M:%S GMT";

/// The seconds since 1970 of a date; -1 if the C library reads none. It is given a right day of the week, which says
/// nothing that the date does not say.
std::int64_t c_library_reads(std::string text) {
    std::tm date{};
    if (text.size() < 3)
        return -1;
    text.replace(0, 3, "Sun");
    const char *const end = strptime(text.c_str(), form, &date);
    return end && *end == '\0' ? timegm(&date) : -1;
}

std::uint32_t expect_number(std::string_view digits) {
    std::uint64_t value = 0;
    for (const char c : digits)
        value = value > most ? value : value * 10 + static_cast<std::uint64_t>(c - '0');
    return static_cast<std::uint32_t>(value > most ? most : value);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input        in(data, size);
    const std::int64_t now   = in.number<std::uint64_t>() % (in_9999 + 1);
    const std::int64_t then  = in.number<std::uint64_t>() % (in_9999 + 1);
    const fuzz::exact  bytes = in.rest();

    const std::string_view text    = bytes.view();
    const std::string_view trimmed = text.substr(0, text.find_last_not_of(" \t") + 1);
    const std::uint32_t    wait    = parse_retry_after(text, now);
    const std::int64_t     date    = parse_http_date(trimmed);
    must(date >= -1 && date <= in_9999 + 3 * 86400 + 1, "a date lies in its years"); // with 31 February, 23:59:60
    if (date >= 0)
        must(date == c_library_reads(std::string(trimmed)), "a date is the one that the C library reads");
    if (!trimmed.empty() && trimmed.find_first_not_of("0123456789") == std::string_view::npos)
        must(wait == expect_number(trimmed), "a number is in seconds, up to 2^32 - 1");
    else if (date > now)
        must(wait == (date - now > most ? most : date - now), "a date is that many seconds away");
    else
        must(wait == 0, "anything else asks for nothing");

    // What the C library writes is read.
    char              written[64];
    const time_t      seconds = then;
    std::tm           fields{};
    const std::size_t length = std::strftime(written, sizeof written, form, gmtime_r(&seconds, &fields));
    must(parse_http_date({written, length}) == then, "a date that the C library writes is read");
    return 0;
}
