// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/event.hpp>

#include "support/catch.hpp"

using namespace wsclose::detail;

TEST_CASE("a callback of lws means what the table says of it") {
    static_assert(meaning_of(LWS_CALLBACK_ESTABLISHED).what == event::established);
    static_assert(meaning_of(LWS_CALLBACK_CLIENT_RECEIVE_PONG).what == event::received);
    static_assert(meaning_of(LWS_CALLBACK_WSI_DESTROY).what == event::ended);
    static_assert(meaning_of(LWS_CALLBACK_CLIENT_CONNECTION_ERROR).begins == beginning::client);
    static_assert(meaning_of(LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION).needs == need::session_size);
    static_assert(meaning_of(LWS_CALLBACK_SERVER_WRITEABLE).needs == need::live_session);
    SUCCEED();
}

TEST_CASE("a callback that the table does not have, or that a later lws adds, is the program's alone") {
    for (const int reason : {static_cast<int>(LWS_CALLBACK_PROTOCOL_INIT), static_cast<int>(LWS_CALLBACK_HTTP), 127,
                             128, 255, static_cast<int>(LWS_CALLBACK_USER), 100000}) {
        const meaning means = meaning_of(static_cast<lws_callback_reasons>(reason));
        CHECK(means.what == event::other);
        CHECK(means.begins == beginning::no);
        CHECK(means.needs == need::none);
    }
}
