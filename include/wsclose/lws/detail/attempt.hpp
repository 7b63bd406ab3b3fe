// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_ATTEMPT_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_ATTEMPT_HPP_INCLUDED

// Why a client's attempt to connect failed: from what lws says in words, the server's answer, and the socket.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_handshake.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/detail/http_date.hpp>
#include <wsclose/lws/detail/socket.hpp>
#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// What words of lws tell. The first row that is part of the text counts.
struct words_row {
    std::string_view words;
    cause            why;
};
inline constexpr words_row words_of_lws[] = {
    {"Timed out", cause::timed_out}, // also "Timed out waiting SSL"
    {"DNS NXDOMAIN", cause::name_not_found},
    {"lookup failed", cause::name_not_found},
    {"X509_V_ERR = 9:", cause::tls_expired}, // the numbers of OpenSSL: not yet valid
    {"X509_V_ERR = 10:", cause::tls_expired},
    {"X509_V_ERR = 62:", cause::tls_wrong_name}, // host name
    {"X509_V_ERR = 64:", cause::tls_wrong_name}, // IP address
    {"tls=hostname", cause::tls_wrong_name},
    {"mismatch", cause::tls_wrong_name},
    {"has expired", cause::tls_expired},
    {"not yet valid", cause::tls_expired},
    {"signed certificate", cause::tls_untrusted},
    {"issuer certificate", cause::tls_untrusted},
    {"X509_V_ERR = ", cause::tls_untrusted},
    {"SSL", cause::tls_failed},
    {"ssl", cause::tls_failed},
    {"tls", cause::tls_failed},
    {"cert", cause::tls_failed},
    {"SYSCALL", cause::tls_failed},
    {"client connect failed", cause::tls_failed},
    {"ECONNREFUSED", cause::refused}, // since 4.4; numbers before
    {"ENETUNREACH", cause::unreachable},
    {"EHOSTUNREACH", cause::unreachable},
    {"ETIMEDOUT", cause::timed_out},
    {"HS: disallowed by", cause::dropped}, // the program's callback rejected the server's answer
    {"HS: OOM", cause::unknown},
    {"HS: ", cause::upgrade_invalid}, // the server's answer, if it was not another status than 101
    {"problems parsing header", cause::upgrade_invalid},
    {"read failed", cause::fin}, // of TCP or of TLS
    {"Peer hung up", cause::fin},
};

constexpr bool contains(std::string_view text, std::string_view part) noexcept {
    return text.find(part) != std::string_view::npos;
}

/// What an error number at the end of the text tells, as in "conn fail: 111".
constexpr cause cause_of_number(std::string_view error) noexcept {
    int number = 0;
    for (int factor = 1; !error.empty() && error.back() >= '0' && error.back() <= '9' && factor < 100'000;
         factor *= 10) {
        number += (error.back() - '0') * factor;
        error.remove_suffix(1);
    }
    switch (number) {
    case ECONNREFUSED: return cause::refused;
    case ENETUNREACH:
    case EHOSTUNREACH: return cause::unreachable;
    case ETIMEDOUT: return cause::timed_out;
    default: return cause::unknown;
    }
}

constexpr cause cause_in_words(std::string_view error) noexcept {
    for (const words_row &row : words_of_lws)
        if (contains(error, row.words))
            return row.why;
    return contains(error, "conn fail: ") ? cause_of_number(error) : cause::unknown;
}

/// What the socket tells of an attempt that nobody else has ended.
inline cause cause_in_socket(lws *wsi) noexcept {
    if (lws_get_socket_fd(wsi) == LWS_SOCK_INVALID)
        return cause::unknown;
    switch (tcp_state(wsi)) {
    case tcp::fin: return cause::fin;
    case tcp::reset: return cause::reset;
    case tcp::lost: return cause::timed_out;
    case tcp::whole: break;
    }
    // Before 4.2, the context may be being destroyed.
    return tells_of_destruction && heard_nothing(wsi) ? cause::timed_out : cause::unknown;
}

/// In how many seconds the server asks to come back; 0 if it does not ask.
inline std::uint32_t retry_after(lws *wsi) noexcept {
    char      value[40];
    const int size = lws_hdr_copy(wsi, value, sizeof value, WSI_TOKEN_HTTP_RETRY_AFTER);
    return size <= 0
               ? 0
               : parse_retry_after({value, static_cast<std::size_t>(size)}, static_cast<std::int64_t>(lws_now_secs()));
}

/// Whether it is a status of HTTP, which has three digits (RFC 9110 section 15), and refuses a WebSocket.
constexpr bool is_refusal(unsigned status) noexcept { return status >= 100 && status <= 999 && status != 101; }

inline failed_attempt examine_attempt(lws *wsi, std::string_view error) noexcept {
    failed_attempt attempt{error};
    if (is_being_destroyed(lws_get_context(wsi))) {
        attempt.why = cause::context_destroyed;
    } else if (const unsigned status = lws_http_client_http_response(wsi); is_refusal(status)) {
        attempt.why         = cause::upgrade_refused;
        attempt.http_status = static_cast<std::uint16_t>(status);
        attempt.retry_after = retry_after(wsi);
    } else {
        const cause told  = cause_in_words(error);
        const cause shown = told == cause::unknown || told == cause::fin ? cause_in_socket(wsi) : cause::unknown;
        attempt.why       = shown != cause::unknown ? shown : told;
    }
    return attempt;
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_ATTEMPT_HPP_INCLUDED
