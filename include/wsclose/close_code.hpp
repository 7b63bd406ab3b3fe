// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_CODE_HPP_INCLUDED
#define WSCLOSE_CLOSE_CODE_HPP_INCLUDED

// The codes with which a WebSocket connection ends, what they mean, and who may send which.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include <wsclose/detail/config.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// A close code. Every 16-bit value is a value of this type (`close_code{4001}`). The enumerators are the
/// codes of the IANA registry "WebSocket Close Code Number", with its names.
enum class close_code : std::uint16_t {
    /// The purpose of the connection has been fulfilled.
    normal_closure = 1000,
    /// The endpoint goes away: a server goes down, or a browser leaves the page.
    going_away = 1001,
    /// The peer broke the protocol.
    protocol_error = 1002,
    /// The peer sent a type of data that the endpoint cannot accept.
    unsupported_data = 1003,
    /// Never on the wire: the Close frame had no code.
    no_status_received = 1005,
    /// Never on the wire: the connection ended without a Close frame.
    abnormal_closure = 1006,
    /// The data of a message does not match its type: for example, a text message that is not UTF-8.
    invalid_payload = 1007,
    /// A message violates the endpoint's policy. Also the code to send if no other fits.
    policy_violation = 1008,
    /// A message is too big to process.
    message_too_big = 1009,
    /// The client expected an extension that the server did not negotiate. A server never sends it.
    mandatory_extension = 1010,
    /// An unexpected condition prevents the endpoint from continuing. Both sides may send it (RFC 6455 erratum 3227).
    internal_error = 1011,
    /// The service restarts. A client that reconnects should first wait a random 5 to 30 seconds.
    service_restart = 1012,
    /// The server is overloaded. A client goes to another address, or waits for the user.
    try_again_later = 1013,
    /// A gateway received an invalid response from the server behind it; like HTTP 502.
    bad_gateway = 1014,
    /// Never on the wire: the TLS handshake failed.
    tls_handshake = 1015,
    /// Authentication is missing or failed; like HTTP 401.
    unauthorized = 3000,
    /// The client is known, but is not allowed to do this; like HTTP 403.
    forbidden = 3003,
    /// The endpoint waited too long for the peer; like HTTP 408.
    timeout = 3008,
};

/// The two ends of a WebSocket connection: the client, which connects, and the server, which accepts.
enum class role : std::uint8_t { client, server };

/// The ranges into which RFC 6455 section 7.4.2 divides the codes.
enum class code_range : std::uint8_t {
    unused,      ///< 0 to 999
    protocol,    ///< 1000 to 2999: RFC 6455, its revisions and extensions
    registered,  ///< 3000 to 3999: libraries, frameworks and applications, registered with IANA
    private_use, ///< 4000 to 4999: by agreement between applications
    invalid,     ///< 5000 to 65535: outside every range
};

/// One code of an application's own enum, with its name.
template <class Enum>
struct named_code {
    Enum             code; ///< in 3000 to 4999
    std::string_view name; ///< what logs and metrics show; each name only once
};

/// Lets an application use its own enum in place of `close_code`. Specialise it with an array `codes` of
/// `named_code<Enum>`. Each code must lie in 3000 to 4999, and each code and name must be listed only once:
///
///     template <>
///     struct wsclose::close_code_traits<game_code> {
///         static constexpr wsclose::named_code<game_code> codes[] = {
///             {game_code::kicked, "kicked"}, {game_code::cheated, "cheated"}};
///     };
template <class Enum>
struct close_code_traits;

namespace detail {
template <class Enum, class = void>
inline constexpr bool has_code_traits = false;
template <class Enum>
inline constexpr bool has_code_traits<Enum, std::void_t<decltype(close_code_traits<Enum>::codes)>> = true;

template <class Enum>
constexpr bool all_in_application_ranges() noexcept {
    for (const auto &entry : close_code_traits<Enum>::codes) {
        const auto value = static_cast<long long>(entry.code);
        if (value < 3000 || value > 4999)
            return false;
    }
    return true;
}

template <class Enum>
constexpr bool all_different() noexcept {
    const auto       &codes = close_code_traits<Enum>::codes;
    const std::size_t count = sizeof(codes) / sizeof(codes[0]);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = i + 1; j < count; ++j)
            if (codes[i].code == codes[j].code || codes[i].name == codes[j].name)
                return false;
    return true;
}

/// Whether `Enum` has `close_code_traits`. Fails to compile if they are invalid.
template <class Enum>
constexpr bool is_application_enum() noexcept {
    if constexpr (std::is_enum_v<Enum> && has_code_traits<Enum>) {
        static_assert(all_in_application_ranges<Enum>(),
                      "wsclose: an application's close codes lie in 3000 to 4999 (RFC 6455 section 7.4.2)");
        static_assert(all_different<Enum>(), "wsclose: a close code or a name stands twice in close_code_traits");
        return true;
    } else {
        return false;
    }
}
} // namespace detail

/// The parameter type of every function that takes a code: a `close_code`, or a value of an enum that has
/// `close_code_traits`. A value that is negative or has more than 16 bits becomes 65535.
class any_close_code {
public:
    constexpr any_close_code(close_code code) noexcept : code_(code) {} ///< any 16-bit value
    /// From a code of the application.
    template <class Enum, std::enable_if_t<detail::is_application_enum<Enum>(), int> = 0>
    constexpr any_close_code(Enum code) noexcept : code_(narrow(static_cast<long long>(code))) {}

    /// Does not compile: tells whoever passes a number, or an enum without `close_code_traits`, what to write.
    template <class Other, std::enable_if_t<!detail::is_application_enum<Other>() &&
                                                (std::is_arithmetic_v<Other> || std::is_enum_v<Other>),
                                            int> = 0>
    constexpr any_close_code(Other) noexcept : code_(close_code::normal_closure) { // which nothing else refuses
        static_assert(!std::is_arithmetic_v<Other>,
                      "wsclose: a number is not a close code; write wsclose::close_code{4000}, "
                      "or list your own codes in close_code_traits");
        static_assert(!std::is_enum_v<Other>,
                      "wsclose: this enum has no close_code_traits; list its codes there, "
                      "or write a code of wsclose, such as wsclose::close_code::normal_closure");
    }

    constexpr operator close_code() const noexcept { return code_; } ///< the code

    /// The code as a number.
    constexpr std::uint16_t value() const noexcept { return static_cast<std::uint16_t>(code_); }

private:
    static constexpr close_code narrow(long long value) noexcept {
        return value < 0 || value > 65535 ? close_code{65535} : static_cast<close_code>(value);
    }

    close_code code_;
};

namespace detail {
// Separate from the descriptions, which few programs need, and free of pointers, which need relocations.
struct code_name {
    close_code code;
    char       name[20];
};

inline constexpr code_name names[] = {
    {close_code::normal_closure, "normal_closure"},
    {close_code::going_away, "going_away"},
    {close_code::protocol_error, "protocol_error"},
    {close_code::unsupported_data, "unsupported_data"},
    {close_code::no_status_received, "no_status_received"},
    {close_code::abnormal_closure, "abnormal_closure"},
    {close_code::invalid_payload, "invalid_payload"},
    {close_code::policy_violation, "policy_violation"},
    {close_code::message_too_big, "message_too_big"},
    {close_code::mandatory_extension, "mandatory_extension"},
    {close_code::internal_error, "internal_error"},
    {close_code::service_restart, "service_restart"},
    {close_code::try_again_later, "try_again_later"},
    {close_code::bad_gateway, "bad_gateway"},
    {close_code::tls_handshake, "tls_handshake"},
    {close_code::unauthorized, "unauthorized"},
    {close_code::forbidden, "forbidden"},
    {close_code::timeout, "timeout"},
};

struct code_description {
    close_code       code;
    std::string_view text;
};

using namespace std::string_view_literals;
inline constexpr code_description descriptions[] = {
    {close_code::normal_closure, "the purpose of the connection has been fulfilled"sv},
    {close_code::going_away, "the endpoint leaves: a server going down or a browser leaving the page"sv},
    {close_code::protocol_error, "the peer broke the protocol"sv},
    {close_code::unsupported_data, "the peer sent a type of data that cannot be accepted"sv},
    {close_code::no_status_received, "the Close frame held no code; never on the wire"sv},
    {close_code::abnormal_closure, "the connection ended without a Close frame; never on the wire"sv},
    {close_code::invalid_payload,
     "data in a message was not what the message's type says, such as text that is not UTF-8"sv},
    {close_code::policy_violation, "a message violates the endpoint's policy"sv},
    {close_code::message_too_big, "a message is too big to process"sv},
    {close_code::mandatory_extension,
     "the client expected an extension that the server did not negotiate; never sent by a server"sv},
    {close_code::internal_error, "an unexpected condition prevents the endpoint from continuing"sv},
    {close_code::service_restart,
     "the service restarts; a client that reconnects should first wait a random 5 to 30 seconds"sv},
    {close_code::try_again_later, "overload; a client goes to another address or waits for the user"sv},
    {close_code::bad_gateway, "a gateway received an invalid response from the server behind it"sv},
    {close_code::tls_handshake, "the TLS handshake failed; never on the wire"sv},
    {close_code::unauthorized, "authentication is missing or failed"sv},
    {close_code::forbidden, "the client is known, but is not allowed to do this"sv},
    {close_code::timeout, "the endpoint waited too long for the peer"sv},
    {close_code{1004}, "reserved; a meaning might be defined later; never on the wire"sv},
};
} // namespace detail

/// The range of `code` (RFC 6455 section 7.4.2).
constexpr code_range range(any_close_code code) noexcept {
    const std::uint16_t value = code.value();
    return value < 1000   ? code_range::unused
           : value < 3000 ? code_range::protocol
           : value < 4000 ? code_range::registered
           : value < 5000 ? code_range::private_use
                          : code_range::invalid;
}

/// The enumerator's name (`normal_closure`); empty if the code has no enumerator.
constexpr std::string_view name(close_code code) noexcept {
    for (const detail::code_name &entry : detail::names)
        if (entry.code == code)
            return entry.name;
    return {};
}

/// The name of an application's code in its `close_code_traits`; empty if the code is not listed there.
template <class Enum>
constexpr auto name(Enum code) noexcept -> std::enable_if_t<detail::is_application_enum<Enum>(), std::string_view> {
    for (const auto &entry : close_code_traits<Enum>::codes)
        if (entry.code == code)
            return entry.name;
    return {};
}

/// What `code` means: a short phrase without a full stop, never empty. For an unassigned code: what its range is for.
constexpr std::string_view description(any_close_code code) noexcept {
    for (const detail::code_description &entry : detail::descriptions)
        if (entry.code == code)
            return entry.text;
    switch (range(code)) {
    case code_range::unused: return "not a close code: codes below 1000 are not used";
    case code_range::protocol: return "unassigned, reserved for the protocol and its extensions";
    case code_range::registered: return "unassigned, to be registered with IANA by libraries and applications";
    case code_range::private_use: return "for private use, by agreement between applications";
    case code_range::invalid: break;
    }
    return "not a close code: outside every range that the protocol defines";
}

/// The code whose enumerator has this name (`normal_closure`); nothing for any other text.
constexpr std::optional<close_code> close_code_from_name(std::string_view text) noexcept {
    for (const detail::code_name &entry : detail::names)
        if (entry.name == text)
            return entry.code;
    return std::nullopt;
}

/// Whether a Close frame from a peer may have `code`: 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455
/// section 7.4 and the IANA registry).
constexpr bool is_receivable(any_close_code code) noexcept {
    const std::uint16_t value = code.value();
    return (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014) || (value >= 3000 && value <= 4999);
}

/// Whether a client or a server may send `code`.
constexpr bool is_sendable(any_close_code code) noexcept { return is_receivable(code); }

/// Whether this role may send `code`. Only a client may send 1010.
constexpr bool is_sendable(any_close_code code, role sender) noexcept {
    return is_sendable(code) && (sender == role::client || code.value() != 1010);
}

/// Whether a page in a browser may pass `code` to `WebSocket.close()`: 1000, or 3000 to 4999 (WHATWG WebSockets
/// standard, `close(code, reason)`).
constexpr bool browser_may_send(any_close_code code) noexcept {
    return code.value() == 1000 || (code.value() >= 3000 && code.value() <= 4999);
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_CLOSE_CODE_HPP_INCLUDED
