// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/wsi.hpp>

#include <string_view>

#include "support/catch.hpp"

using namespace std::string_view_literals;
using wsclose::detail::drops_for_good;
using wsclose::detail::result_for_lws;
using wsclose::detail::text_of;

TEST_CASE("a text from lws ends before the NULs at its end, if there are any") {
    CHECK(text_of("read failed", 11) == "read failed");
    CHECK(text_of("read failed", 12) == "read failed");
    CHECK(text_of("read failed\0", 13) == "read failed");
    CHECK(text_of("a\0b", 3) == "a\0b"sv);
    CHECK(text_of("", 1).empty());
    CHECK(text_of(nullptr, 5).empty());
}

TEST_CASE("a protocol is dropped for good by a function that closes") {
    CHECK(drops_for_good("__lws_close_free_wsi"));
    CHECK_FALSE(drops_for_good("lws_bind_protocol"));
    CHECK_FALSE(drops_for_good(nullptr));
}

TEST_CASE("a negative result of a writeable callback becomes 1, and every other stays as it is") {
    for (const auto writeable : {LWS_CALLBACK_SERVER_WRITEABLE, LWS_CALLBACK_CLIENT_WRITEABLE}) {
        CHECK(result_for_lws(writeable, -1) == 1);
        CHECK(result_for_lws(writeable, 0) == 0);
        CHECK(result_for_lws(writeable, 2) == 2);
    }
    CHECK(result_for_lws(LWS_CALLBACK_RECEIVE, -1) == -1);
    CHECK(result_for_lws(LWS_CALLBACK_TIMER, 0) == 0);
}
