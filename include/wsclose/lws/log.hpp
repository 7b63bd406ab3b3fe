// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_LOG_HPP_INCLUDED
#define WSCLOSE_LWS_LOG_HPP_INCLUDED

// Reports in the lws log.

#include <libwebsockets.h>

#include <wsclose/close_report.hpp>
#include <wsclose/format.hpp>

namespace wsclose {

/// Logs a report as one line, at an lws level (`LLL_NOTICE`, `LLL_INFO`, ...), prefixed with `label`, a
/// NUL-terminated string such as the protocol's name. The peer's text is escaped.
inline void log_report(const close_report &report, const char *label, int level = LLL_NOTICE) noexcept {
    _lws_log(level, "%s: %s\n", label, text_line(report).c_str());
}

} // namespace wsclose

#endif // WSCLOSE_LWS_LOG_HPP_INCLUDED
