// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// An application's own close codes, checked by the compiler, and what to do for which ending.

#include <iostream>
#include <optional>
#include <string_view>

#include <wsclose.hpp>

enum class game_code { kicked = 4001, cheated = 4002 };

template <>
struct wsclose::close_code_traits<game_code> { // outside 3000 to 4999, or twice, does not compile
    static constexpr wsclose::named_code<game_code> codes[] = {{game_code::kicked, "kicked"},
                                                               {game_code::cheated, "cheated"}};
};

static std::string_view what_next(const wsclose::close_report &report) {
    if (const std::optional<game_code> own = report.as<game_code>()) {
        switch (*own) {
        case game_code::kicked: return "wait a minute, then come back";
        case game_code::cheated: return "stay away";
        }
    }
    if (report.initiator() == wsclose::initiator::transport)
        return "come back at once: nobody asked us to leave";
    return report.code() == wsclose::close_code::service_restart ? "come back in 5 to 30 seconds" : "done";
}

int main() {
    constexpr auto goodbye = wsclose::frame<game_code::kicked>("too many messages"); // data, no code runs

    const wsclose::make_result made = wsclose::close_frame::make(game_code::cheated, "caf\xE9");
    if (!made)
        std::cout << name(made.error) << " at byte " << made.offset << '\n'; // invalid_utf8 at byte 3

    const auto fitted = wsclose::close_frame::fit(game_code::cheated, "caf\xE9"); // never fails
    std::cout << goodbye << '\n' << fitted << '\n';

    const wsclose::parse_result parsed = wsclose::close_frame::parse("\x0F\xA1too many messages");
    wsclose::close_handshake    handshake;
    handshake.receive(parsed);
    handshake.transport_closed();
    std::cout << wsclose::name(game_code::kicked) << ": " << what_next(handshake.report()) << '\n'
              << wsclose::named<game_code>(handshake.report()) << '\n';
}
