// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/connection.hpp>

#include <cstring>
#include <new>
#include <type_traits>

#include "support/catch.hpp"

using namespace wsclose;

TEST_CASE("a connection takes at most 288 bytes and asks for no more alignment than malloc gives") {
    static_assert(sizeof(connection) <= 288);
    static_assert(alignof(connection) <= alignof(void *));
    SUCCEED();
}

TEST_CASE("a connection has standard layout, for offsetof") {
    static_assert(std::is_standard_layout_v<connection>);
    SUCCEED();
}

TEST_CASE("a connection stays where it is") {
    static_assert(!std::is_copy_constructible_v<connection>);
    static_assert(!std::is_move_constructible_v<connection>);
    static_assert(!std::is_copy_assignable_v<connection>);
    SUCCEED();
}

TEST_CASE("what the state does not allow is refused, not done") {
    connection fresh;
    CHECK(fresh.state() == connection_state::connecting);
    CHECK(fresh.wsi() == nullptr);
    CHECK(fresh.close(close_code::normal_closure).error == close_error::not_connected);
    const close_result refused = fresh.close(close_code::abnormal_closure, "text");
    CHECK(refused.error == close_error::not_connected);
    CHECK(refused.adjusted == make_error::none); // nothing was sent that could be adjusted
    CHECK_FALSE(fresh.request_writable());
    CHECK(fresh.report().code() == close_code::abnormal_closure);
}

TEST_CASE("a reference to what is not connected is empty") {
    connection     fresh;
    connection_ref ref(fresh), none;
    CHECK_FALSE(ref);
    CHECK_FALSE(none);
    CHECK(none.close(close_code::normal_closure).error == close_error::already_closed);
    CHECK(none.close(close_frame()).error == close_error::already_closed);
    CHECK_FALSE(none.request_writable());
    CHECK(none.wsi() == nullptr);
    none.reset();
}

TEST_CASE("why a close was not started has a name") {
    CHECK(name(close_error::none).empty());
    CHECK(name(close_error::not_connected) == "not_connected");
    CHECK(name(close_error::already_closing) == "already_closing");
    CHECK(name(close_error::already_closed) == "already_closed");
}
