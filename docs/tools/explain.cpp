// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Explains a close code, or the body of a Close frame in hex, as a packet capture shows it:
// explain 1006, explain going_away, explain 0x03e8627965.

#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <wsclose.hpp>

namespace {

const char *to_text(wsclose::code_range range) {
    switch (range) {
    case wsclose::code_range::unused: return "0 to 999, not used";
    case wsclose::code_range::protocol: return "1000 to 2999, the protocol's own";
    case wsclose::code_range::registered: return "3000 to 3999, registered with IANA";
    case wsclose::code_range::private_use: return "4000 to 4999, private use";
    case wsclose::code_range::invalid: break;
    }
    return "5000 to 65535, outside every range";
}

const char *senders(wsclose::close_code code) {
    if (!is_sendable(code))
        return "nobody may put it on the wire";
    if (!is_sendable(code, wsclose::role::server))
        return "a client alone may send it, a browser's page may not";
    return browser_may_send(code) ? "either side may send it, a browser's page too"
                                  : "either side may send it, a browser's page may not";
}

void explain_code(wsclose::close_code code) {
    std::cout << code << "\n  meaning  " << description(code) << "\n  range    " << to_text(range(code))
              << "\n  sending  " << senders(code) << '\n';
}

int explain_body(std::string_view body) {
    const wsclose::parse_result result = wsclose::close_frame::parse(body);
    if (!result) {
        std::cout << "not a valid Close body: " << name(result.error) << " at byte " << result.offset << " ("
                  << description(result.error) << ")\n  answer   " << result.answer() << '\n';
        return 1;
    }
    std::cout << "a valid Close body of " << body.size() << " bytes: " << result.frame << '\n';
    explain_code(result.frame.code());
    return 0;
}

std::optional<std::string> from_hex(std::string_view hex) {
    std::string bytes;
    int         high = -1;
    for (const char c : hex) {
        if (c == ' ' || c == ':')
            continue;
        const std::size_t digit =
            std::string_view("0123456789abcdef").find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        if (high < 0) {
            high = static_cast<int>(digit);
        } else {
            bytes += static_cast<char>(high * 16 + static_cast<int>(digit));
            high = -1;
        }
    }
    return high < 0 ? std::optional(bytes) : std::nullopt;
}

std::optional<wsclose::close_code> to_code(std::string_view text) {
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9' || (value = value * 10 + static_cast<unsigned>(c - '0')) > 65535)
            return wsclose::close_code_from_name(text);
    }
    return text.empty() ? std::nullopt : std::optional(static_cast<wsclose::close_code>(value));
}

} // namespace

int main(int count, char **arguments) {
    const std::string_view what = count == 2 ? arguments[1] : "";
    if (what.substr(0, 2) == "0x") {
        if (const auto body = from_hex(what.substr(2)))
            return explain_body(*body);
        std::cerr << "explain: \"" << what << "\" is not hex: after 0x come pairs of the digits 0 to f\n";
        return 2;
    }
    if (const auto code = to_code(what)) {
        explain_code(*code);
        return 0;
    }
    if (count == 2)
        std::cerr << "explain: \"" << what << "\" is neither a code from 0 to 65535 nor the name of one\n";
    std::cerr << "usage: explain CODE | NAME | 0xBODY\n"
                 "  CODE  a close code, 0 to 65535: explain 1006\n"
                 "  NAME  the name of one: explain going_away\n"
                 "  BODY  the body of a Close frame in hex, unmasked: explain 0x03e8627965\n";
    return 2;
}
