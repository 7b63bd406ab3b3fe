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
    const auto remove = [&line](std::string_view member) {
        if (const std::size_t at = line.find(member); at != std::string::npos)
            line.erase(at, line.find(',', at + 1) - at);
    };
    const auto replace = [&line](std::string_view what, std::string_view by) {
        if (const std::size_t at = line.find(what); at != std::string::npos)
            line.replace(at, what.size(), by);
    };
    // docs/conformance.md goes by what is on the wire, and by what lws shows of it.
    remove(",\"cause\":");
    remove(",\"lasted_ms\":");
    remove(",\"http_status\":");
    remove(",\"retry_after\":");
    if (report.acknowledged() == wsclose::acknowledgement::inferred)
        replace(",\"inferred\":true", "");
    if (report.code_uncertain()) {
        replace(",\"code_uncertain\":true", "");
        if (report.acknowledged() != wsclose::acknowledgement::no)
            replace("\"clean\":false", "\"clean\":true");
    }
    print_line(line + "}");
}

/// Says on standard error what could not go out as it was asked for.
inline void print_adjusted(wsclose::close_code code, wsclose::make_error adjusted) {
    if (adjusted == wsclose::make_error::forbidden_code)
        std::cerr << "close code " << static_cast<unsigned>(code) << ": " << description(code)
                  << "; closing with 1011 instead" << std::endl;
    else if (adjusted != wsclose::make_error::none)
        std::cerr << "close: " << description(adjusted) << "; closing with what is valid of it" << std::endl;
}

/// Closes as asked.
inline void start_close(wsclose::connection &connection, std::uint16_t number, std::string_view text) {
    const wsclose::close_code code{number};
    const auto                started = connection.close(code, text);
    if (!started)
        std::cerr << "close: " << name(started.error) << std::endl;
    print_adjusted(code, started.adjusted);
}

} // namespace conformance

#endif // WSCLOSE_TESTS_CONFORMANCE_REPORT_HPP_INCLUDED
