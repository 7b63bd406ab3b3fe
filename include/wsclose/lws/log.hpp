// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_LOG_HPP_INCLUDED
#define WSCLOSE_LWS_LOG_HPP_INCLUDED

// Reports in the lws log, each at the level that it deserves, and not too many of them.

#include <cstdint>

#include <libwebsockets.h>

#include <wsclose/close_report.hpp>
#include <wsclose/format.hpp>
#include <wsclose/log_limiter.hpp>
#include <wsclose/named.hpp>
#include <wsclose/severity.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// The lws level for a severity: `LLL_WARN` for a warning, `LLL_NOTICE` for the others. `LLL_INFO` is not used, because
/// there lws writes many lines of its own for each connection.
constexpr int log_level(severity value) noexcept { return value == severity::warning ? LLL_WARN : LLL_NOTICE; }

/// In place of a level: the one that `log_level` gives for the report's severity.
inline constexpr int level_by_severity = 0;

/// Logs a report as one line, prefixed with `label`, a NUL-terminated string such as the protocol's name. The peer's
/// text is escaped. With the severity's level, the log tells quietly of what is ordinary (see `severity_of`):
///
///     LLL_WARN    a side broke a rule or failed, or a client could not connect
///     LLL_NOTICE  everything else: clean endings, lost connections
///
/// `level` is another of lws' levels for this line (`LLL_INFO`, ...). `log_report<game_code>(report, "chat")` writes
/// the names of your codes. lws cuts long lines (4.1.6: to 255 bytes) and ends them with "...".
template <class... Enums>
void log_report(const close_report &report, const char *label, int level = level_by_severity) noexcept {
    if (level == level_by_severity)
        level = log_level(severity_of(report));
    if (!lwsl_visible(level))
        return;
    if constexpr (sizeof...(Enums) == 0)
        _lws_log(level, "%s: %s\n", label, text_line(report).c_str());
    else
        _lws_log(level, "%s: %s\n", label, text_line(named<Enums...>(report)).c_str());
}

/// Logs how many endings `limiter` has suppressed, if any, since this was last logged: `chat: 4312 more endings were
/// not logged in the last 10 s`. Call it before the program ends; `log_report` calls it when lines get through again.
inline void log_suppressed(log_limiter &limiter, const char *label, int level = LLL_NOTICE) noexcept {
    if (const suppressed_lines lines = limiter.take_suppressed(lws_now_usecs())) {
        const std::int64_t seconds = (lines.period + LWS_US_PER_SEC / 2) / LWS_US_PER_SEC;
        _lws_log(level, "%s: %llu more ending%s not logged in the last %lld s\n", label,
                 static_cast<unsigned long long>(lines.count), lines.count == 1 ? " was" : "s were",
                 static_cast<long long>(seconds > 0 ? seconds : 1));
    }
}

/// Logs a report if `limiter` lets it through, and before it, how many were suppressed. Lines that lws does not show at
/// its log level do not count.
template <class... Enums>
void log_report(const close_report &report, const char *label, log_limiter &limiter,
                int level = level_by_severity) noexcept {
    if (level == level_by_severity)
        level = log_level(severity_of(report));
    if (!lwsl_visible(level) || !limiter.take(lws_now_usecs()))
        return;
    log_suppressed(limiter, label, level);
    log_report<Enums...>(report, label, level);
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_LOG_HPP_INCLUDED
