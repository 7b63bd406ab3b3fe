// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_REPORT_HPP_INCLUDED
#define WSCLOSE_CLOSE_REPORT_HPP_INCLUDED

// How one connection ended: who ended it and why, with which Close frame in each direction, and whether cleanly.

#include <cstdint>
#include <optional>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// Who ended a connection.
enum class initiator : std::uint8_t {
    transport, ///< neither side closed: the connection broke, or could not be established
    local,     ///< this program, even if the connection broke after it had asked to close
    peer,      ///< the other side, by a Close frame, valid or not
    library,   ///< our own stack failed the connection: the peer broke the protocol, or a timeout ran out
};

/// Why a connection ended, or could not be established.
enum class cause : std::uint8_t {
    unknown,   ///< nothing says why; always so while the connection is open
    handshake, ///< a Close frame went each way

    // The program ended it without a Close frame, or before the peer's came.
    dropped,           ///< it dropped the connection, or gave up the attempt
    context_destroyed, ///< it ended all its connections

    // The peer or the network ended it.
    fin,   ///< the peer ended TCP, or TLS during a client's attempt
    reset, ///< the peer reset TCP
    lost,  ///< TCP gave up: the peer acknowledged nothing any more

    // Our own stack ended it.
    library,            ///< it does not say why: an error, or a timeout of its own or the program's
    protocol_violation, ///< the peer broke the protocol
    no_answer,          ///< the peer did not answer our Close frame in time
    not_reading,        ///< the peer stopped reading, so what was to be sent could not go out
    no_pong,            ///< the peer was silent after a ping

    // A client's attempt failed.
    name_not_found,  ///< the server's name has no address
    unreachable,     ///< there is no route to the server
    refused,         ///< nothing listens on its port
    timed_out,       ///< TCP, TLS or the server's answer took too long
    tls_untrusted,   ///< the client trusts nobody who signed the server's certificate
    tls_expired,     ///< the server's certificate is not valid at this time
    tls_wrong_name,  ///< the server's certificate is for another name
    tls_failed,      ///< TLS failed in another way, or nothing says how
    upgrade_refused, ///< the server answered with a status other than 101
    upgrade_invalid, ///< the server's answer was invalid (RFC 6455 section 4.1)
};

/// How many causes there are.
inline constexpr unsigned cause_count = static_cast<unsigned>(cause::upgrade_invalid) + 1;

/// Who ends a connection for this cause, if no Close frame has been asked for, sent or received.
constexpr initiator initiator_of(cause why) noexcept {
    switch (why) {
    case cause::dropped:
    case cause::context_destroyed: return initiator::local;
    case cause::library:
    case cause::protocol_violation:
    case cause::no_answer:
    case cause::not_reading:
    case cause::no_pong: return initiator::library;
    default: return initiator::transport;
    }
}

/// Whether TLS failed.
constexpr bool is_of_tls(cause why) noexcept { return why >= cause::tls_untrusted && why <= cause::tls_failed; }

/// Whether a Close frame went each way.
enum class acknowledgement : std::uint8_t {
    no,       ///< not in both directions
    yes,      ///< in both
    inferred, ///< yes, but the peer's frame could not be read
};

/// The enumerator's name.
constexpr std::string_view name(initiator who) noexcept {
    using namespace std::string_view_literals;
    switch (who) {
    case initiator::transport: break;
    case initiator::local: return "local"sv;
    case initiator::peer: return "peer"sv;
    case initiator::library: return "library"sv;
    }
    return "transport"sv;
}

/// The enumerator's name.
constexpr std::string_view name(cause why) noexcept {
    using namespace std::string_view_literals;
    constexpr std::string_view names[] = {
        "unknown"sv,
        "handshake"sv,
        "dropped"sv,
        "context_destroyed"sv,
        "fin"sv,
        "reset"sv,
        "lost"sv,
        "library"sv,
        "protocol_violation"sv,
        "no_answer"sv,
        "not_reading"sv,
        "no_pong"sv,
        "name_not_found"sv,
        "unreachable"sv,
        "refused"sv,
        "timed_out"sv,
        "tls_untrusted"sv,
        "tls_expired"sv,
        "tls_wrong_name"sv,
        "tls_failed"sv,
        "upgrade_refused"sv,
        "upgrade_invalid"sv,
    };
    static_assert(sizeof names / sizeof names[0] == cause_count);
    const auto index = static_cast<unsigned>(why);
    return names[index < cause_count ? index : 0];
}

/// The enumerator's name.
constexpr std::string_view name(acknowledgement value) noexcept {
    using namespace std::string_view_literals;
    switch (value) {
    case acknowledgement::no: break;
    case acknowledgement::yes: return "yes"sv;
    case acknowledgement::inferred: return "inferred"sv;
    }
    return "no"sv;
}

/// How a connection ended. Only a `close_handshake` fills one in.
class close_report {
public:
    constexpr close_report() noexcept
        : time_(0), http_status_(0), code_uncertain_(false), failed_(false), why_(wsclose::cause::unknown),
          violation_(parse_error::none), ours_(ours::none), theirs_(theirs::none),
          initiator_(wsclose::initiator::transport), is_established_(false), over_(false) {}

    /// The code of the Close frame that came first: 1005 if it had none, 1006 if no Close frame was seen, 1015 if TLS
    /// failed before there could be one. If the peer closed with an invalid frame, the code of our answer.
    constexpr close_code code() const noexcept {
        const close_frame *frame = first();
        return frame ? frame->code() : is_of_tls(why_) ? close_code::tls_handshake : close_code::abnormal_closure;
    }

    /// `code()` as an enumerator of the application's own `Enum`; nothing if its `close_code_traits` do not list it.
    template <class Enum>
    constexpr std::optional<Enum> as() const noexcept {
        static_assert(detail::is_application_enum<Enum>(),
                      "wsclose: this enum has no close_code_traits; list its codes there");
        if constexpr (detail::is_application_enum<Enum>())
            for (const auto &entry : close_code_traits<Enum>::codes)
                if (any_close_code(entry.code) == code())
                    return entry.code;
        return std::nullopt;
    }

    /// The text that goes with `code()`: valid UTF-8, at most 123 bytes. It lives as long as this report.
    constexpr std::string_view reason() const noexcept {
        const close_frame *frame = first();
        return frame ? frame->reason() : std::string_view();
    }

    /// The peer's Close frame; null if none, or only an invalid one, was seen.
    constexpr const close_frame *received() const noexcept {
        return theirs_ == theirs::read && violation_ == parse_error::none ? &received_ : nullptr;
    }

    /// Whether the code of the peer's Close frame may have changed on its way to us.
    constexpr bool code_uncertain() const noexcept { return code_uncertain_; }

    /// Our Close frame as it went onto the wire; null if none did.
    constexpr const close_frame *sent() const noexcept { return ours_ == ours::sent ? &sent_ : nullptr; }

    /// What was wrong with the peer's Close frame; `none` if it was valid, or not seen.
    constexpr parse_error violation() const noexcept { return violation_; }

    /// Who ended the connection.
    constexpr wsclose::initiator initiator() const noexcept { return initiator_; }

    /// Why the connection ended.
    constexpr wsclose::cause cause() const noexcept {
        if (violation_ != parse_error::none || (initiator_ == wsclose::initiator::library && ours_ != ours::none))
            return wsclose::cause::protocol_violation;
        return acknowledged() != acknowledgement::no ? wsclose::cause::handshake : why_;
    }

    /// Whether a Close frame went each way. The peer's counts even if it was invalid.
    constexpr acknowledgement acknowledged() const noexcept {
        return ours_ != ours::sent || theirs_ == theirs::none ? acknowledgement::no
               : theirs_ == theirs::unseen                    ? acknowledgement::inferred
                                                              : acknowledgement::yes;
    }

    /// Whether the closing handshake is known to be complete: a Close frame each way, both valid (RFC 6455 section
    /// 7.1.4). True if the peer's frame could not be read (`acknowledgement::inferred`). False if the peer's code is
    /// uncertain: it may have been a forbidden one.
    constexpr bool clean() const noexcept {
        return acknowledged() != acknowledgement::no && violation_ == parse_error::none && !code_uncertain_;
    }

    /// Why a connection was never established, as text from our own stack: at most 123 bytes of valid UTF-8; "the
    /// connection failed" if it gave none. Empty if the connection was established.
    constexpr std::string_view error() const noexcept {
        if (!failed_)
            return {};
        const std::string_view words = received_.reason();
        return words.empty() ? std::string_view("the connection failed") : words;
    }

    /// The HTTP status with which the server refused a client's upgrade; 0 if there was none.
    constexpr std::uint16_t http_status() const noexcept { return http_status_; }

    /// After how many seconds the server that refused asks the client to come back (RFC 9110 section 10.2.3); 0 if it
    /// does not ask.
    constexpr std::uint32_t retry_after() const noexcept { return failed_ ? time_ : 0; }

    /// How long the WebSocket was open, the closing handshake included, in milliseconds and in steps of 10. 0 before
    /// its end, or if it was never established. It wraps after 497 days.
    constexpr std::int64_t lasted() const noexcept { return over_ && !failed_ ? std::int64_t{time_} * 10 : 0; }

private:
    friend class close_handshake;

    enum class ours : std::uint8_t { none, requested, sent };
    enum class theirs : std::uint8_t { none, read, unseen };

    constexpr const close_frame *first() const noexcept {
        if (initiator_ == wsclose::initiator::peer)
            return violation_ == parse_error::none ? received() : sent();
        return sent() ? sent() : received();
    }

    close_frame received_; // the peer's; if the connection was never established, its text is `error()`
    close_frame sent_;     // ours; as requested, then as sent

    // If the attempt failed, in how many seconds to come back. Otherwise in 10 ms: when the WebSocket was established
    // and, at the end, how long it was open.
    std::uint32_t time_;

    std::uint16_t http_status_ : 10;
    std::uint16_t code_uncertain_ : 1;
    std::uint16_t failed_ : 1; // it was never established

    wsclose::cause why_ : 5; // unless the frames tell
    parse_error    violation_ : 3;

    ours               ours_ : 2;
    theirs             theirs_ : 2;
    wsclose::initiator initiator_ : 2;
    bool               is_established_ : 1;
    bool               over_ : 1;
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_CLOSE_REPORT_HPP_INCLUDED
