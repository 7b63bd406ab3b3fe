// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/detail/http_date.hpp>

#include "support/catch.hpp"

using namespace wsclose::detail;

TEST_CASE("a date of HTTP is a number of seconds since 1970") {
    CHECK(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777); // the example of RFC 9110
    CHECK(parse_http_date("Tue, 29 Feb 2000 23:59:59 GMT") == 951868799);
    CHECK(parse_http_date("Wed, 01 Mar 2000 00:00:00 GMT") == 951868800);
    CHECK(parse_http_date("Mon, 01 Mar 2100 00:00:00 GMT") == 4107542400); // 2100 has no leap day
    CHECK(parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT") == 253402300799);
}

TEST_CASE("anything else is no date") {
    for (const char *text : {
             "",
             "Sunday, 06-Nov-94 08:49:37 GMT",
             "Sun Nov  6 08:49:37 1994",
             "Sun, 06 Nov 1994 08:49:37 UTC",
             "Sun, 06 Nov 1994 08:49:37 GMT ",
             "Sun, 06 ovD 1994 08:49:37 GMT",
             "Sun, 00 Nov 1994 08:49:37 GMT",
             "Sun, 32 Nov 1994 08:49:37 GMT",
             "Sun, 06 Nov 1994 24:49:37 GMT",
             "Sun, 06 Nov 1994 08:60:37 GMT",
             "Sun, 06 Nov 1994 08:49:61 GMT",
             "Sun, 06 Nov 1969 08:49:37 GMT",
             "Sun, xx Nov 1994 08:49:37 GMT",
             "Sun, 06 Xyz 1994 08:49:37 GMT",
             "Sun, 06 Nov 1994 0x:49:37 GMT",
             "Sun, 06 Nov 1994 08:49:3: GMT",
         }) {
        CAPTURE(text);
        CHECK(parse_http_date(text) == -1);
    }
}

TEST_CASE("Retry-After is a number of seconds or a date, and nothing else") {
    constexpr std::int64_t now = 784111777;
    CHECK(parse_retry_after("0", now) == 0);
    CHECK(parse_retry_after("120", now) == 120);
    CHECK(parse_retry_after("4294967295", now) == 4294967295);
    CHECK(parse_retry_after("99999999999999999999999999", now) == 4294967295);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:51:37 GMT", now) == 120);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now) == 0);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:36 GMT", now) == 0);
    CHECK(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now) == 4294967295);
    CHECK(parse_retry_after("120 \t", now) == 120); // the space behind it does not count
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:51:37 GMT ", now) == 120);
    CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:38 GMT", now) == 1);
    CHECK(parse_retry_after({"1200", 2}, now) == 12);
    CHECK(parse_retry_after({"1200", 0}, now) == 0);
    CHECK(parse_retry_after("120 60", now) == 0);
    CHECK(parse_retry_after("1a", now) == 0);
    CHECK(parse_retry_after("1/", now) == 0);
    CHECK(parse_retry_after("-5", now) == 0);
    CHECK(parse_retry_after(" \t", now) == 0);
    CHECK(parse_retry_after("1.5", now) == 0);
    CHECK(parse_retry_after("10 s", now) == 0);
    CHECK(parse_retry_after("soon", now) == 0);
    CHECK(parse_retry_after("", now) == 0);
}
