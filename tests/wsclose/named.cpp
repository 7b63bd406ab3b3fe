// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/named.hpp>

#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <sstream>
#include <string>
#include <string_view>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"
#include "support/game_code.hpp"
#include "support/written.hpp"

using namespace wsclose;
using test::game_code;
using test::json;
using test::text;

namespace {

enum class proxy_code : std::uint16_t { no_backend = 3100, kicked_by_proxy = 4001, unauthorized_here = 3000 };
enum class longest_name { first = 4003, second = 4004 };

} // namespace

template <>
struct wsclose::close_code_traits<proxy_code> {
    static constexpr named_code<proxy_code> codes[] = {{proxy_code::no_backend, "no backend"},
                                                       {proxy_code::kicked_by_proxy, "kicked_by_proxy"},
                                                       {proxy_code::unauthorized_here, "unauthorized_here"}};
};
template <>
struct wsclose::close_code_traits<longest_name> {
    static constexpr named_code<longest_name> codes[] = {
        {longest_name::first, "a_name_of_48_bytes_____________________________X"},
        {longest_name::second, "a_name_of_48_bytes_____________________________Y"}};
};

namespace {

close_report kicked() {
    close_handshake handshake;
    handshake.receive(close_frame::parse("\x0F\xA1"
                                         "too many messages"));
    handshake.transport_closed();
    return handshake.report();
}

// Bytes of a line, counted by the compiler, which refuses to write beyond the buffer.
constexpr std::size_t size_of_the_longest_line() {
    char            controls[max_reason_size] = {};
    close_handshake handshake;
    handshake.established(0);
    handshake.fail(close_frame::fit(longest_name::first, {controls, sizeof controls}));
    handshake.send();
    char body[max_body_size] = {'\x0F', '\xA4'}; // 4004
    handshake.receive(close_frame::parse({body, sizeof body}), true);
    handshake.transport_closed(cause::unknown, 42'949'672'000); // 497 days
    return text_line(named<longest_name>(handshake.report())).view().size();
}

} // namespace

TEST_CASE("a code, a frame and a report are written with the names of the application's codes") {
    CHECK(text(named<game_code>(close_code{4001})) == "4001 kicked");
    CHECK(text(named<game_code>(close_frame::fit(game_code::cheated, "bye"))) == R"(4002 cheated "bye")");
    CHECK(text(named<game_code>(kicked())) ==
          R"(closed cleanly by the peer: received 4001 kicked "too many messages", sent 4001 "too many messages")");
}

TEST_CASE("a code that the application does not list has its registered name, or none") {
    CHECK(text(named<game_code>(close_code::going_away)) == "1001 going_away");
    CHECK(text(named<game_code>(close_code{4003})) == "4003");
    CHECK(text(named<>(close_code::going_away)) == "1001 going_away");
    CHECK(text(named<>(close_code{4001})) == "4001");
}

TEST_CASE("the first enum that lists a code names it, before the registry") {
    CHECK(text(named<game_code, proxy_code>(close_code{4001})) == "4001 kicked");
    CHECK(text(named<proxy_code, game_code>(close_code{4001})) == "4001 kicked_by_proxy");
    CHECK(text(named<game_code, proxy_code>(close_code{3100})) == "3100 no backend");
    CHECK(text(named<game_code, proxy_code>(close_code{4002})) == "4002 cheated");
    CHECK(text(named<proxy_code>(close_code::unauthorized)) == "3000 unauthorized_here");
}

TEST_CASE("of all 65,536 codes, only those that an application lists differ from what they are without it") {
    unsigned differ = 0;
    for (unsigned value = 0; value <= 65535; ++value) {
        const auto code = static_cast<close_code>(value);
        differ += text(named<game_code>(code)) != text(code);
    }
    CHECK(differ == 2);
}

TEST_CASE("JSON has a name behind each code, null if there is none") {
    const std::string report = json(named<game_code>(kicked()));
    const std::string frame  = R"({"code":4001,"name":"kicked","reason":"too many messages"})";
    CHECK(report.find(frame.substr(0, frame.size() - 1) + R"(,"clean":true,"initiator":"peer",)") == 0);
    CHECK(report.find(R"("received":)" + frame + R"(,"sent":)" + frame + R"(,"violation":null)") != std::string::npos);
    CHECK(json(named<game_code>(close_frame::fit(close_code::normal_closure))) ==
          R"({"code":1000,"name":"normal_closure","reason":""})");
    CHECK(json(named<>(close_frame::fit(close_code{4001}))) == R"({"code":4001,"name":null,"reason":""})");
    CHECK(json(kicked()).find("name") == std::string::npos); // who did not ask for names
    std::string members;
    write_json_members(named<game_code>(kicked()), [&members](std::string_view piece) { members += piece; });
    CHECK("{" + members + "}" == json(named<game_code>(kicked())));
}

TEST_CASE("a stream pads a line with names as one") {
    std::ostringstream stream;
    stream << std::setw(13) << named<game_code>(close_code{4001}) << '|' << named<game_code>(close_code{4002});
    CHECK(stream.str() == "  4001 kicked|4002 cheated");
}

TEST_CASE("the longest names fit into a line with the longest texts") {
    // `closed by the library: sent 4003 ` 33, a name, ` "`, 123 times `\u0000`, `", received 4004 ` 17, a name,
    // ` (or another code) "` 20, 123 times `\u0000`, `" after 42949672 s` 18
    STATIC_REQUIRE(size_of_the_longest_line() == 33 + 48 + 2 + 738 + 17 + 48 + 20 + 738 + 18);
}
