// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/attempt.hpp>

#include <cerrno>
#include <string>

#include "support/catch.hpp"

// That lws says so is shown by tests/faults.

using namespace wsclose;
using detail::cause_in_words;

TEST_CASE("what lws 4.0 to 5.0 say of an attempt that failed tells the cause") {
    static constexpr struct {
        const char *words;
        cause       why;
    } rows[] = {
        {"DNS NXDOMAIN", cause::name_not_found},
        {"dns lookup failed", cause::name_not_found},
        {"conn fail: ECONNREFUSED", cause::refused},
        {"conn fail: ENETUNREACH", cause::unreachable},
        {"conn fail: EHOSTUNREACH", cause::unreachable},
        {"conn fail: ETIMEDOUT", cause::timed_out},
        {"Timed out waiting SSL", cause::timed_out},
        {"Timed out waiting server reply", cause::timed_out},
        {"server's cert didn't look good, tls=invalidca X509_V_ERR = 18: error:00000012:lib(0)::reason(18)",
         cause::tls_untrusted},
        {"server's cert didn't look good,  X509_V_ERR = 20: unable to get local issuer certificate",
         cause::tls_untrusted},
        {"server's cert didn't look good, tls=expired X509_V_ERR = 10: error:0000000A:lib(0)::reason(10)",
         cause::tls_expired},
        {"server's cert didn't look good, tls=notyetvalid X509_V_ERR = 9: certificate is not yet valid",
         cause::tls_expired},
        {"server's cert didn't look good, tls=hostname X509_V_ERR = 62: hostname mismatch", cause::tls_wrong_name},
        {"server's cert didn't look good,  X509_V_ERR = 64: error:00000040:lib(0)::reason(64)", cause::tls_wrong_name},
        {"tls: IP address mismatch", cause::tls_wrong_name},
        {"connect SSL err 1: error:00000001:lib(0)::reason(1)", cause::tls_failed},
        {"tls: error:0A00010B:SSL routines::wrong version number", cause::tls_failed},
        {"connect SYSCALL 104", cause::tls_failed},
        {"HS: Accept hash wrong", cause::upgrade_invalid},
        {"HS: UPGRADE missing", cause::upgrade_invalid},
        {"problems parsing header", cause::upgrade_invalid}, // or they are too large
        {"HS: disallowed by client filter", cause::dropped},
        {"HS: OOM", cause::unknown},
        {"read failed", cause::fin},
        {"Unable to connect", cause::unknown},
        {"closed before established", cause::unknown},
        {"conn fail: skt creation: errno 24", cause::unknown},
        {"", cause::unknown},
    };
    for (const auto &row : rows) {
        CAPTURE(row.words);
        CHECK(cause_in_words(row.words) == row.why);
    }
}

TEST_CASE("only three digits are an HTTP status, and refuse a WebSocket") {
    CHECK(detail::is_refusal(100));
    CHECK(detail::is_refusal(200));
    CHECK(detail::is_refusal(503));
    CHECK(detail::is_refusal(999));
    CHECK_FALSE(detail::is_refusal(101));
    CHECK_FALSE(detail::is_refusal(0)); // there was no answer
    CHECK_FALSE(detail::is_refusal(1));
    CHECK_FALSE(detail::is_refusal(1000));
    CHECK_FALSE(detail::is_refusal(65536 + 101));
    CHECK_FALSE(detail::is_refusal(static_cast<unsigned>(-503)));
}

TEST_CASE("lws before 4.4 gives the number of the error") {
    const auto words = [](int number) { return "conn fail: " + std::to_string(number); };
    CHECK(cause_in_words(words(ECONNREFUSED)) == cause::refused);
    CHECK(cause_in_words(words(ENETUNREACH)) == cause::unreachable);
    CHECK(cause_in_words(words(EHOSTUNREACH)) == cause::unreachable);
    CHECK(cause_in_words(words(ETIMEDOUT)) == cause::timed_out);
    CHECK(cause_in_words(words(EMFILE)) == cause::unknown);
    CHECK(cause_in_words("conn fail: 99999999999999999999") == cause::unknown);
    CHECK(cause_in_words(words(9000 + ECONNREFUSED)) == cause::unknown);
    CHECK(cause_in_words("conn fail: 10;") == cause::unknown);
    CHECK(cause_in_words("conn fail: ") == cause::unknown);
    CHECK(cause_in_words("status " + std::to_string(ECONNREFUSED)) == cause::unknown);
}
