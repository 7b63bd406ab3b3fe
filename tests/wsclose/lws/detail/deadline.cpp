// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/deadline.hpp>

#include <limits>

#include "support/catch.hpp"

using wsclose::detail::close_timeout;

TEST_CASE("a time to close is kept as one more than its whole milliseconds, from 0 to 65 s") {
    CHECK(close_timeout(std::numeric_limits<lws_usec_t>::min()) == 1);
    CHECK(close_timeout(-LWS_US_PER_SEC) == 1);
    CHECK(close_timeout(0) == 1);
    CHECK(close_timeout(999) == 1);
    CHECK(close_timeout(1000) == 2);
    CHECK(close_timeout(64'999'000) == 65'000);
    CHECK(close_timeout(65'000'000) == 65'001);
    CHECK(close_timeout(66'000'000) == 65'001);
    CHECK(close_timeout(std::numeric_limits<lws_usec_t>::max()) == 65'001);
}
