// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_CONFORMANCE_REPORT_HPP_INCLUDED
#define WSCLOSE_TESTS_CONFORMANCE_REPORT_HPP_INCLUDED

// What the conformance programs that use wsclose share.

#include <cstdint>
#include <iostream>
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
inline void start_close(wsclose::connection &connection, std::uint16_t number, std::string_view text) {
    const wsclose::close_code code{number};
    const auto                started = connection.start(code, text);
    if (!started)
        std::cerr << "close: " << name(started.error) << std::endl;
    else if (started.mended == wsclose::make_error::forbidden_code)
        std::cerr << "close code " << number << ": " << description(code) << "; closing with 1011 instead" << std::endl;
    else if (started.mended != wsclose::make_error::none)
        std::cerr << "close: " << description(started.mended) << "; closing with what is valid of it" << std::endl;
}

} // namespace conformance

#endif // WSCLOSE_TESTS_CONFORMANCE_REPORT_HPP_INCLUDED
