// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_REPORT_LINE_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_REPORT_LINE_HPP_INCLUDED

#include <string>

#include <wsclose/close_report.hpp>

#include "support/written.hpp"

namespace test {

/// The line of a report, without how long the connection was open.
inline std::string line_of(const wsclose::close_report &report) {
    const std::string line = text(report);
    const std::size_t end  = line.rfind(" after ");
    return end != std::string::npos && line.back() == 's' ? line.substr(0, end) : line;
}

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_REPORT_LINE_HPP_INCLUDED
