// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/close_code.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <wsclose/close_frame.hpp>

#include "support/catch.hpp"

using namespace wsclose;

namespace {
enum class game_code : std::uint16_t { kicked = 4001, cheated = 4002, unlisted = 4003 };
enum class plain_int_code { lowest = 3000, highest = 4999 };
} // namespace

template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::kicked, "kicked"}, {game_code::cheated, "cheated"}};
};
template <>
struct wsclose::close_code_traits<plain_int_code> {
    static constexpr named_code<plain_int_code> codes[] = {{plain_int_code::lowest, "lowest"},
                                                           {plain_int_code::highest, "highest"}};
};

namespace {

close_code code(unsigned value) { return static_cast<close_code>(value); }

// Without a default, so that the compiler warns of an enumerator that is missing.
constexpr bool is_enumerator(close_code code) {
    switch (code) {
    case close_code::normal_closure:
    case close_code::going_away:
    case close_code::protocol_error:
    case close_code::unsupported_data:
    case close_code::no_status_received:
    case close_code::abnormal_closure:
    case close_code::invalid_payload:
    case close_code::policy_violation:
    case close_code::message_too_big:
    case close_code::mandatory_extension:
    case close_code::internal_error:
    case close_code::service_restart:
    case close_code::try_again_later:
    case close_code::bad_gateway:
    case close_code::tls_handshake:
    case close_code::unauthorized:
    case close_code::forbidden:
    case close_code::timeout: return true;
    }
    return false;
}

template <class Table>
constexpr bool has_every_enumerator_once(const Table &table) {
    for (unsigned value = 0; value < 5000; ++value) {
        int count = 0;
        for (const auto &entry : table)
            count += entry.code == static_cast<close_code>(value);
        const bool is_reserved = value == 1004; // in the registry, without a name
        if (count != is_enumerator(static_cast<close_code>(value)) && !is_reserved)
            return false;
    }
    return true;
}

// RFC 6455 sections 7.4.1 and 7.4.2 and the IANA registry, as intervals: may a Close frame hold it?
bool may_be_on_the_wire(unsigned value) {
    static constexpr std::pair<unsigned, unsigned> allowed[] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};
    for (const auto &[first, last] : allowed)
        if (value >= first && value <= last)
            return true;
    return false;
}

} // namespace

TEST_CASE("the enumerators have the numbers and the names of the registry") {
    struct {
        close_code       code;
        unsigned         number;
        std::string_view name;
    } const registry[] = {
        {close_code::normal_closure, 1000, "normal_closure"},
        {close_code::going_away, 1001, "going_away"},
        {close_code::protocol_error, 1002, "protocol_error"},
        {close_code::unsupported_data, 1003, "unsupported_data"},
        {close_code::no_status_received, 1005, "no_status_received"},
        {close_code::abnormal_closure, 1006, "abnormal_closure"},
        {close_code::invalid_payload, 1007, "invalid_payload"},
        {close_code::policy_violation, 1008, "policy_violation"},
        {close_code::message_too_big, 1009, "message_too_big"},
        {close_code::mandatory_extension, 1010, "mandatory_extension"},
        {close_code::internal_error, 1011, "internal_error"},
        {close_code::service_restart, 1012, "service_restart"},
        {close_code::try_again_later, 1013, "try_again_later"},
        {close_code::bad_gateway, 1014, "bad_gateway"},
        {close_code::tls_handshake, 1015, "tls_handshake"},
        {close_code::unauthorized, 3000, "unauthorized"},
        {close_code::forbidden, 3003, "forbidden"},
        {close_code::timeout, 3008, "timeout"},
    };
    unsigned named = 0;
    for (const auto &entry : registry) {
        CAPTURE(entry.number);
        CHECK(static_cast<unsigned>(entry.code) == entry.number);
        CHECK(name(entry.code) == entry.name);
        CHECK(close_code_from_name(entry.name) == entry.code);
    }
    for (unsigned value = 0; value <= 65535; ++value)
        named += name(code(value)).empty() ? 0 : 1;
    CHECK(named == 18);
}

TEST_CASE("every code may be sent and received exactly as the registry says") {
    for (unsigned value = 0; value <= 65535; ++value) {
        const bool allowed = may_be_on_the_wire(value);
        if (is_receivable(code(value)) != allowed || is_sendable(code(value)) != allowed ||
            is_sendable(code(value), role::client) != allowed ||
            is_sendable(code(value), role::server) != (allowed && value != 1010))
            FAIL_CHECK("code " << value);
    }
}

TEST_CASE("a browser may send 1000 and 3000 to 4999 alone") {
    for (unsigned value = 0; value <= 65535; ++value)
        if (browser_may_send(code(value)) != (value == 1000 || (value >= 3000 && value <= 4999)))
            FAIL_CHECK("code " << value);
}

TEST_CASE("every code lies in the range of RFC 6455 section 7.4.2") {
    CHECK(range(code(0)) == code_range::unused);
    CHECK(range(code(999)) == code_range::unused);
    CHECK(range(code(1000)) == code_range::protocol);
    CHECK(range(code(2999)) == code_range::protocol);
    CHECK(range(code(3000)) == code_range::registered);
    CHECK(range(code(3999)) == code_range::registered);
    CHECK(range(code(4000)) == code_range::private_use);
    CHECK(range(code(4999)) == code_range::private_use);
    CHECK(range(code(5000)) == code_range::invalid);
    CHECK(range(code(65535)) == code_range::invalid);
}

TEST_CASE("every code has a description, and what is not assigned says so") {
    for (unsigned value = 0; value <= 65535; ++value)
        if (description(code(value)).empty())
            FAIL_CHECK("code " << value);
    CHECK(description(close_code::going_away) ==
          "the endpoint leaves: a server going down or a browser leaving the page");
    CHECK(std::string(description(code(1004))).find("reserved") == 0);
    CHECK(std::string(description(code(2999))).find("unassigned") == 0);
    CHECK(std::string(description(code(5000))).find("not a close code") == 0);
    CHECK(std::string(description(code(999))).find("not a close code") == 0);
}

TEST_CASE("a name that is not the registry's gives no code") {
    CHECK_FALSE(close_code_from_name(""));
    CHECK_FALSE(close_code_from_name("Normal Closure"));
    CHECK_FALSE(close_code_from_name("normal_closure "));
    CHECK_FALSE(close_code_from_name("1000"));
}

TEST_CASE("an application's own enum goes wherever a close code goes") {
    static_assert(is_sendable(game_code::kicked));
    static_assert(range(game_code::kicked) == code_range::private_use);
    CHECK(name(game_code::kicked) == "kicked");
    CHECK(name(game_code::unlisted).empty());
    CHECK(browser_may_send(plain_int_code::lowest));
    CHECK(any_close_code(game_code::cheated) == close_code{4002});
    CHECK(any_close_code(static_cast<plain_int_code>(65536 + 1000)) == close_code{65535});
    CHECK(any_close_code(static_cast<plain_int_code>(-1)) == close_code{65535});
}

TEST_CASE("a number that is no code becomes 65535, which is never on the wire") {
    for (const int number :
         {-1, -64536, 65536, 66536, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()})
        CHECK(any_close_code(plain_int_code{number}).value() == 65535);
    for (const int number : {0, 1, 1000, 65535})
        CHECK(any_close_code(plain_int_code{number}).value() == number);
}

TEST_CASE("no text, frame or pointer is taken for a close code") {
    static_assert(std::is_convertible_v<close_code, any_close_code>);
    static_assert(std::is_convertible_v<game_code, any_close_code>);
    static_assert(!std::is_convertible_v<const char *, any_close_code>);
    static_assert(!std::is_convertible_v<std::string_view, any_close_code>);
    static_assert(!std::is_convertible_v<close_frame, any_close_code>);
    SUCCEED();
}

TEST_CASE("every enumerator has one name and one description") {
    static_assert(has_every_enumerator_once(detail::names));
    static_assert(has_every_enumerator_once(detail::descriptions));
    SUCCEED();
}

TEST_CASE("codes are known to the compiler") {
    static_assert(name(close_code::going_away) == "going_away");
    static_assert(close_code_from_name("timeout") == close_code::timeout);
    static_assert(!is_sendable(close_code::abnormal_closure));
    static_assert(sizeof(close_code) == 2);
    SUCCEED();
}
