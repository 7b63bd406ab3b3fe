// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/event.hpp>

#include "support/catch.hpp"

using namespace wsclose::detail;

namespace {

constexpr bool each_reason_stands_once() {
    for (const event_row &row : events) {
        int count = 0;
        for (const event_row &each : events)
            count += each.reason == row.reason;
        if (count != 1)
            return false;
    }
    return true;
}

} // namespace

TEST_CASE("the table has each reason once") {
    static_assert(each_reason_stands_once());
    SUCCEED();
}

TEST_CASE("a callback of lws means what the table says of it") {
    static_assert(meaning_of(LWS_CALLBACK_ESTABLISHED).what == event::established);
    static_assert(meaning_of(LWS_CALLBACK_CLIENT_RECEIVE_PONG).what == event::received);
    static_assert(meaning_of(LWS_CALLBACK_WSI_DESTROY).what == event::ended);
    static_assert(meaning_of(LWS_CALLBACK_CLIENT_CONNECTION_ERROR).begins == beginning::client);
    static_assert(meaning_of(LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION).begins == beginning::server);
    static_assert(meaning_of(LWS_CALLBACK_RAW_CLOSE).what == event::ended);
    SUCCEED();
}

TEST_CASE("a callback that the table does not have, or that a later lws adds, is the program's alone") {
    for (const int reason : {static_cast<int>(LWS_CALLBACK_PROTOCOL_INIT), static_cast<int>(LWS_CALLBACK_HTTP), 127,
                             128, 255, static_cast<int>(LWS_CALLBACK_USER), 100000}) {
        const meaning means = meaning_of(static_cast<lws_callback_reasons>(reason));
        CHECK(means.what == event::other);
        CHECK(means.begins == beginning::no);
    }
}
