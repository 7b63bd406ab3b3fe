// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_SEVERITY_HPP_INCLUDED
#define WSCLOSE_SEVERITY_HPP_INCLUDED

// How loudly a log should tell of an ending.

#include <cstdint>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_report.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// How much attention an ending deserves. The values are those of syslog (RFC 5424 section 6.2.1), so a smaller
/// one is louder.
enum class severity : std::uint8_t {
    warning = 4, ///< something is wrong: a side broke a rule or failed, or a client could not connect
    notice  = 5, ///< nothing is known to be wrong, but the ending is not ordinary; for example, the connection was lost
    info    = 6, ///< an ordinary ending
};

/// The enumerator's name.
constexpr std::string_view name(severity value) noexcept {
    using namespace std::string_view_literals;
    switch (value) {
    case severity::warning: return "warning"sv;
    case severity::notice: return "notice"sv;
    case severity::info: break;
    }
    return "info"sv;
}

namespace detail {
struct code_severity {
    close_code code;
    severity   value;
};

inline constexpr code_severity severities[] = {
    {close_code::protocol_error, severity::warning},  {close_code::unsupported_data, severity::warning},
    {close_code::no_status_received, severity::info}, {close_code::abnormal_closure, severity::notice},
    {close_code::invalid_payload, severity::warning}, {close_code::policy_violation, severity::warning},
    {close_code::message_too_big, severity::warning}, {close_code::mandatory_extension, severity::warning},
    {close_code::internal_error, severity::warning},  {close_code::try_again_later, severity::notice},
    {close_code::bad_gateway, severity::warning},     {close_code::unauthorized, severity::notice},
    {close_code::forbidden, severity::notice},        {close_code::timeout, severity::notice},
};

constexpr severity louder(severity a, severity b) noexcept { return a < b ? a : b; }
} // namespace detail

/// The severity of a code alone:
///
///     warning  1002, 1003, 1007 to 1011, 1014, and codes that must not be on the wire, except 1005 and 1006
///     notice   1006, 1013, 3000, 3003, 3008
///     info     all others, your own among them
constexpr severity severity_of(any_close_code code) noexcept {
    for (const detail::code_severity &entry : detail::severities)
        if (entry.code == code)
            return entry.value;
    return is_receivable(code) ? severity::info : severity::warning;
}

/// The severity of an ending: the loudest that applies.
///
///     warning          the connection was never established (`error()`)
///     warning          the peer broke the protocol (`cause()`), for example by an invalid Close frame
///     notice           the ending was not clean
///     that of a code   `code()`, and the code of `received()`, unless it is uncertain
///     info             always
constexpr severity severity_of(const close_report &report) noexcept {
    if (!report.error().empty() || report.cause() == cause::protocol_violation)
        return severity::warning;
    severity result = report.clean() ? severity::info : severity::notice;
    if (report.initiator() != initiator::peer) // otherwise it is that of received()
        result = detail::louder(result, severity_of(report.code()));
    if (report.received() && !report.code_uncertain())
        result = detail::louder(result, severity_of(report.received()->code()));
    return result;
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_SEVERITY_HPP_INCLUDED
