// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_CONFORMANCE_REPORT_HPP_INCLUDED
#define WSCLOSE_TESTS_CONFORMANCE_REPORT_HPP_INCLUDED

// What the conformance programs that use wsclose share.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <wsclose/lws.hpp>

#include "program.hpp"

namespace conformance {

inline void print_report(const char *role, const wsclose::close_report &report) {
    std::string line = std::string("{\"event\":\"closed\",\"role\":\"") + role + "\",";
    wsclose::write_json_members(report, [&line](std::string_view piece) { line += piece; });
    print_line(line + "}");
}

/// Closes as asked, and says on standard error what could not go out as it was asked.
inline void start_close(wsclose::connection &connection, wsclose::role role, std::uint16_t number,
                        std::string_view text) {
    const wsclose::close_code code{number};
    if (!is_sendable(code, role))
        std::fprintf(stderr, "close code %u: %.*s; closing with 1011 instead\n", number,
                     static_cast<int>(description(code).size()), description(code).data());
    else if (const auto made = wsclose::close_frame::make(code, text); !made)
        std::fprintf(stderr, "close reason: %.*s (byte %zu); closing with what is valid of it\n",
                     static_cast<int>(description(made.error).size()), description(made.error).data(), made.offset);
    if (const auto started = connection.start(code, text); !started)
        std::fprintf(stderr, "close: %.*s\n", static_cast<int>(name(started.error).size()), name(started.error).data());
}

} // namespace conformance

#endif // WSCLOSE_TESTS_CONFORMANCE_REPORT_HPP_INCLUDED
