// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_ADVICE_ROWS_HPP_INCLUDED
#define WSCLOSE_DETAIL_ADVICE_ROWS_HPP_INCLUDED

// The advice for every code, HTTP status and cause, each with its source, and the check of a program's own.

#include <cstddef>
#include <cstdint>

#include <wsclose/advice.hpp>
#include <wsclose/close_code.hpp>
#include <wsclose/close_report.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

struct advice_row {
    std::uint16_t   first = 0;
    std::uint16_t   last  = 0;
    wsclose::advice then  = {};
};

inline constexpr advice stop{next_step::stop};
inline constexpr advice back{next_step::come_back};                   // when `backoff` says so
inline constexpr advice slowly{next_step::come_back, 30'000, 60'000}; // nothing will change soon
inline constexpr advice renew{next_step::renew_credentials};
inline constexpr advice elsewhere{next_step::go_elsewhere, 30'000, 60'000};

// By the code of the peer's Close frame. "Judgement" is ours: no standard says it.
inline constexpr advice_row code_rows[] = {
    {0, 999, slowly},     // no codes: the peer breaks the protocol; see cause::protocol_violation
    {1000, 1000, stop},   // RFC 6455 7.4.1: the purpose has been fulfilled
    {1001, 1001, back},   // 7.4.1: the server goes down; another will do
    {1002, 1003, stop},   // judgement: it refuses what we send, and we would send it again
    {1004, 1004, slowly}, // as 0 to 999
    {1005, 1005, back},   // judgement: it closed without a code, so nothing says that we may not return
    {1006, 1006, back},   // RFC 6455 7.2.3: after a random delay, 0 to 5 s at first, then with backoff
    {1007, 1010, stop},   // judgement, as 1002; 1008, the policy: 7.4.1
    {1011, 1011, back},   // judgement: an unexpected condition of the server, which may pass
    {1012, 1012, {next_step::come_back, 5'000, 30'000}}, // IANA registration: a random 5 to 30 s
    {1013, 1013, elsewhere}, // IANA registration: only another address, or a user's wish; 30 s is judgement
    {1014, 1014, back},      // IANA registration: like 502; see `status_rows`
    {1015, 1015, slowly},    // see cause::tls_failed
    {1016, 2999, back},      // unassigned: nothing says that we may not return
    {3000, 3000, renew},     // IANA registration: like 401
    {3001, 3002, back},      // of libraries and frameworks; judgement, as 1016
    {3003, 3003, stop},      // IANA registration: like 403
    {3004, 3007, back},      // as 3001
    {3008, 3008, back},      // IANA registration: like 408
    {3009, 4999, back},      // as 3001; what an application's code means, only its own table knows
    {5000, 65535, slowly},   // as 0 to 999
};

// By the HTTP status that refused an upgrade. A `Retry-After` takes the place of the delay.
inline constexpr advice_row status_rows[] = {
    {0, 99, back},         // not known
    {100, 299, slowly},    // judgement: no WebSocket lives there, or a portal stands before it
    {300, 399, elsewhere}, // RFC 9110 15.4: a redirect that was not followed
    {400, 400, stop},      // 15.5: what we ask is wrong, and would be again
    {401, 401, renew},     // 15.5.2: the credentials are missing or wrong
    {402, 403, stop},      // 15.5.4: do not repeat it with the same credentials
    {404, 404, slowly},    // 15.5.5: it does not say whether for long
    {405, 406, stop},      // as 400
    {407, 407, renew},     // 15.5.8: as 401, of a proxy
    {408, 408, back},      // 15.5.9: it may be repeated
    {409, 420, stop},      // as 400; 410, gone, is likely for ever: 15.5.11
    {421, 421, elsewhere}, // 15.5.20: this server does not answer for the name
    {422, 424, stop},      // as 400
    {425, 425, back},      // RFC 8470 5.2: it may be repeated
    {426, 428, stop},      // as 400
    {429, 429, slowly},    // RFC 6585 4: too many requests
    {430, 499, stop},      // as 400
    {500, 500, back},      // 15.6.1: an unexpected condition
    {501, 501, stop},      // 15.6.2: it cannot do this
    {502, 504, back},      // 15.6.3 to 15.6.5: the server behind is bad, overloaded or silent
    {505, 505, stop},      // 15.6.6: it does not speak this HTTP
    {506, 510, back},      // judgement, as 500
    {511, 511, slowly},    // RFC 6585 6: the network wants a person to log in
    {512, 65535, back},    // judgement, as 500
};

struct cause_row {
    cause           why;
    bool            code_decides; // since the code says more
    wsclose::advice then;
};

// By the cause, if the program has not ended the connection.
inline constexpr cause_row cause_rows[] = {
    {cause::unknown, true, {}},
    {cause::handshake, true, {}},
    {cause::dropped, false, stop}, // the program wanted it
    {cause::context_destroyed, false, stop},
    {cause::fin, true, {}}, // these have 1006
    {cause::reset, true, {}},
    {cause::lost, true, {}},
    {cause::library, true, {}},
    {cause::protocol_violation, false, slowly}, // judgement: it may do so again, but another server may stand there
    {cause::no_answer, true, {}},
    {cause::not_reading, true, {}},
    {cause::no_pong, true, {}},
    {cause::name_not_found, false, back}, // judgement: without a network no name is found either
    {cause::unreachable, false, back},    // RFC 6455 7.2.3, as all that follow
    {cause::refused, false, back},
    {cause::timed_out, false, back},
    {cause::tls_untrusted, false, slowly},  // judgement: only a person can correct it, or a portal stands before it.
    {cause::tls_expired, false, slowly},    // Nothing secret was sent, and nobody will tell the client that
    {cause::tls_wrong_name, false, slowly}, // it is corrected
    {cause::tls_failed, false, slowly},
    {cause::upgrade_refused, false, {}},     // the status decides
    {cause::upgrade_invalid, false, slowly}, // as protocol_violation
};

/// Whether the rows have each number from 0 to 65535 once, in order.
template <std::size_t Count>
constexpr bool is_complete(const advice_row (&rows)[Count]) noexcept {
    std::uint32_t next = 0;
    for (const advice_row &row : rows) {
        if (row.first != next || row.last < row.first)
            return false;
        next = row.last + 1U;
    }
    return next == 65536;
}
static_assert(is_complete(code_rows) && is_complete(status_rows));

constexpr bool has_every_cause() noexcept {
    unsigned next = 0;
    for (const cause_row &row : cause_rows)
        if (static_cast<unsigned>(row.why) != next++)
            return false;
    return next == cause_count;
}
static_assert(has_every_cause());

/// Returns `otherwise` if no row is for the value. (With -fsanitize=undefined, GCC compares no pointer with null in a
/// constant expression.)
constexpr const advice &find_advice(const advice_row *rows, std::size_t count, std::uint16_t value,
                                    const advice &otherwise) noexcept {
    for (std::size_t i = 0; i < count; ++i)
        if (value >= rows[i].first && value <= rows[i].last)
            return rows[i].then;
    return otherwise;
}

/// In rows that are complete.
template <std::size_t Count>
constexpr const advice &find_advice(const advice_row (&rows)[Count], std::uint16_t value) noexcept {
    return find_advice(rows, Count, value, rows[0].then);
}

constexpr advice_row row_of(const advised_range &row) noexcept {
    return {row.first.value(), row.last.value(), row.then};
}
template <class Enum>
constexpr advice_row row_of(const named_code<Enum> &row) noexcept {
    const std::uint16_t value = any_close_code(row.code).value();
    return {value, value, find_advice(code_rows, value)};
}
template <class Enum>
constexpr advice_row row_of(const advised_code<Enum> &row) noexcept {
    const std::uint16_t value = any_close_code(row.code).value();
    return {value, value, row.then};
}

/// The rows of a program's tables.
template <const auto &...Tables>
struct own_rows {
    static constexpr std::size_t count = (std::size_t{0} + ... + (sizeof Tables / sizeof Tables[0]));

    advice_row rows[count + 1] = {};

    constexpr own_rows() noexcept {
        [[maybe_unused]] std::size_t next = 0; // there may be no tables
        (add(Tables, next), ...);
    }

    constexpr bool is_valid() const noexcept {
        for (std::size_t i = 0; i < count; ++i)
            if (rows[i].first > rows[i].last || rows[i].then.minimum < 0 || rows[i].then.minimum > rows[i].then.maximum)
                return false;
        return true;
    }

    constexpr bool has_overlap() const noexcept {
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t j = i + 1; j < count; ++j)
                if (rows[i].first <= rows[j].last && rows[j].first <= rows[i].last)
                    return true;
        return false;
    }

private:
    template <class Table>
    constexpr void add(const Table &table, std::size_t &next) noexcept {
        for (const auto &row : table)
            rows[next++] = row_of(row);
    }
};

template <const auto &...Tables>
constexpr own_rows<Tables...> checked_rows() noexcept {
    constexpr own_rows<Tables...> own;
    static_assert(own.is_valid(), "wsclose: in a row of advice, `first` is at most `last`, and the delays are "
                                  "0 <= minimum <= maximum");
    static_assert(!own.has_overlap(), "wsclose: two rows of advice are for the same code");
    return own;
}
template <const auto &...Tables>
inline constexpr own_rows<Tables...> own_rows_of = checked_rows<Tables...>();

/// Whether the program has closed: also if the peer's Close frame was first, but ours does not only answer it.
constexpr bool program_closed(const close_report &report) noexcept {
    return report.initiator() == initiator::local ||
           (report.received() && report.sent() && *report.received() != *report.sent());
}

/// In seconds: a day. Judgement: one wrong answer, of a portal perhaps, must not keep a client away for ever.
inline constexpr std::uint32_t longest_wait = 86'400;

constexpr advice advise_on_refusal(std::uint16_t status, std::uint32_t retry_after) noexcept {
    advice then = find_advice(status_rows, status);
    if (retry_after == 0)
        return then;
    if (!then)
        then.what = next_step::come_back; // since the server asks for it
    then.minimum = std::int64_t{retry_after < longest_wait ? retry_after : longest_wait} * 1000;
    then.maximum = then.minimum + then.minimum / 2; // all whom it told the same do not come at once
    return then;
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_DETAIL_ADVICE_ROWS_HPP_INCLUDED
