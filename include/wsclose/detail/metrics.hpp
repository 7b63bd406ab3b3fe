// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DETAIL_METRICS_HPP_INCLUDED
#define WSCLOSE_DETAIL_METRICS_HPP_INCLUDED

// Lines of the Prometheus text format, version 0.0.4, and the tables of what is counted.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view> // std::size and std::data too

#include <wsclose/close_code.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/detail/config.hpp>
#include <wsclose/format.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

// ---- text ----

/// The last digit of a number.
constexpr char digit(std::uint64_t value) noexcept { return static_cast<char>('0' + value % 10); }

/// Metrics of one name.
struct metric_family {
    std::string_view name, type, help;
};

inline constexpr metric_family closes_family{
    "websocket_closes_total"sv, "counter"sv,
    "WebSocket connections that ended, by who ended them, why, and whether the closing handshake was clean."sv};
inline constexpr metric_family codes_family{
    "websocket_close_codes_total"sv, "counter"sv,
    "WebSocket connections that ended, by the code of the Close frame that came first, and whose it was."sv};
inline constexpr metric_family failures_family{
    "websocket_connect_failures_total"sv, "counter"sv,
    "Attempts of a client that led to no WebSocket connection, by why, and by the class of the HTTP status."sv};
inline constexpr metric_family durations_family{"websocket_connection_duration_seconds"sv, "histogram"sv,
                                                "How long WebSocket connections were open."sv};

/// The two lines above the series of a family.
template <class Sink>
constexpr void write_head(const metric_family &family, Sink &sink) {
    sink("# HELP "sv);
    sink(family.name);
    sink(" "sv);
    sink(family.help);
    sink("\n# TYPE "sv);
    sink(family.name);
    sink(" "sv);
    sink(family.type);
    sink("\n"sv);
}

/// One line, piece by piece: `metric_line(sink, name).label("cause", "fin").value(2)`.
template <class Sink>
class metric_line {
public:
    constexpr metric_line(Sink &out, std::string_view name, std::string_view suffix = {}) : sink_(out) {
        sink_(name);
        sink_(suffix);
    }

    /// Without a value, the label is left out: to Prometheus that is the same.
    WSCLOSE_NOINLINE constexpr metric_line &label(std::string_view name, std::string_view value) {
        if (value.empty())
            return *this;
        sink_(has_labels_ ? ","sv : "{"sv);
        has_labels_ = true;
        sink_(name);
        sink_("=\""sv);
        write_escaped_value(value);
        sink_("\""sv);
        return *this;
    }

    /// `thousandths`: the value has three decimals.
    WSCLOSE_NOINLINE constexpr void value(std::uint64_t count, bool thousandths = false) {
        sink_(has_labels_ ? "} "sv : " "sv);
        write_number(thousandths ? count / 1000 : count, sink_);
        if (thousandths) {
            const char digits[] = {'.', digit(count / 100), digit(count / 10), digit(count)};
            sink_(std::string_view(digits, sizeof digits));
        }
        sink_("\n"sv);
    }

private:
    constexpr void write_escaped_value(std::string_view text) {
        for (std::size_t at = 0; (at = text.find_first_of("\\\"\n"sv)) != std::string_view::npos;
             text.remove_prefix(at + 1)) {
            sink_(std::string_view(text.data(), at));
            sink_(text[at] == '\n' ? "\\n"sv : text[at] == '"' ? "\\\""sv : "\\\\"sv);
        }
        sink_(text);
    }

    Sink &sink_;
    bool  has_labels_ = false;
};

// ---- who and why ----

inline constexpr unsigned initiator_count = static_cast<unsigned>(initiator::library) + 1;

/// Whether a connection that was established can end in this way, whatever the peer does.
constexpr bool is_usual(initiator who, cause why, bool clean) noexcept {
    const bool by_a_frame = who == initiator::local || who == initiator::peer;
    if (clean)
        return by_a_frame ? why == cause::handshake : who == initiator::library && why == cause::protocol_violation;
    return why <= cause::no_pong && (by_a_frame || (initiator_of(why) == who && why != cause::handshake));
}

/// Whether an attempt can fail in this way.
constexpr bool is_usual_failure(cause why) noexcept {
    return why == cause::library || (why != cause::handshake && initiator_of(why) != initiator::library);
}

// ---- codes ----

/// A code, all of which have four digits.
struct code_digits {
    char digits[4];

    constexpr std::string_view view() const noexcept { return {digits, sizeof digits}; }
};

/// A code that has a series of its own.
struct named_slot {
    close_code       code;
    std::string_view name;
};

/// How many codes an application's enum lists.
template <class Enum>
inline constexpr std::size_t listed_codes = std::size(close_code_traits<Enum>::codes);
template <>
inline constexpr std::size_t listed_codes<close_code> = 0;

/// The codes of an application's enum, then those of the registry.
template <class Enum>
constexpr auto named_slots() noexcept {
    std::array<named_slot, listed_codes<Enum> + std::size(names)> slots{};
    std::size_t                                                   at = 0;
    if constexpr (listed_codes<Enum> != 0)
        for (const auto &entry : close_code_traits<Enum>::codes)
            slots[at++] = {any_close_code(entry.code), entry.name};
    for (const code_name &entry : names)
        slots[at++] = {entry.code, entry.name};
    return slots;
}

/// The codes that have a series of their own, and one for each range of the others. `Enum` is `close_code`, or the enum
/// of an application.
template <class Enum>
struct code_slots {
    static constexpr auto     named            = named_slots<Enum>();
    static constexpr unsigned other_registered = static_cast<unsigned>(named.size()); // 3000 to 3999
    static constexpr unsigned other_private    = other_registered + 1;                // 4000 to 4999
    static constexpr unsigned count            = other_private + 1;

    /// If an application's code is in the registry too, the first of the two.
    static constexpr unsigned slot_of(close_code code) noexcept {
        for (unsigned i = 0; i < other_registered; ++i)
            if (named[i].code == code)
                return i;
        return range(code) == code_range::private_use ? other_private : other_registered;
    }

    /// The code of a slot as a label: `1000`, or `3xxx` and `4xxx` for what has no slot of its own.
    static constexpr code_digits digits_of(unsigned slot) noexcept {
        if (slot >= other_registered)
            return {{slot == other_private ? '4' : '3', 'x', 'x', 'x'}};
        const auto value = static_cast<unsigned>(named[slot].code);
        return {{digit(value / 1000), digit(value / 100), digit(value / 10), digit(value)}};
    }

    /// The name of a slot's code; empty if it stands for many.
    static constexpr std::string_view name_of(unsigned slot) noexcept {
        return slot < other_registered ? named[slot].name : std::string_view();
    }

    /// Whether a connection that was established can end with a code of this slot, because of `who`.
    static constexpr bool is_usual(initiator who, unsigned slot) noexcept {
        if (slot >= other_registered)
            return who != initiator::transport;
        const close_code code = named[slot].code;
        return slot_of(code) == slot && code != close_code::tls_handshake &&
               (who != initiator::transport || code == close_code::abnormal_closure);
    }
};

/// The class of an HTTP status; empty if there was none.
constexpr std::string_view status_class(unsigned hundreds) noexcept {
    constexpr std::string_view classes[] = {""sv, "1xx"sv, "2xx"sv, "3xx"sv, "4xx"sv, "5xx"sv};
    return classes[hundreds];
}
inline constexpr unsigned status_classes = 6;

// ---- durations ----

/// An upper bound of a duration, itself included.
struct duration_bound {
    std::int64_t     milliseconds;
    std::string_view seconds;
};

inline constexpr duration_bound duration_bounds[] = {
    {1'000, "1"sv},        {5'000, "5"sv},          {15'000, "15"sv},        {30'000, "30"sv},
    {60'000, "60"sv},      {120'000, "120"sv},      {300'000, "300"sv},      {900'000, "900"sv},
    {3'600'000, "3600"sv}, {14'400'000, "14400"sv}, {86'400'000, "86400"sv},
};
inline constexpr unsigned bound_count = static_cast<unsigned>(std::size(duration_bounds));

/// The bucket of a duration: the index of its bound, or `bound_count` if it is longer than all of them.
constexpr unsigned bucket_of(std::int64_t milliseconds) noexcept {
    unsigned bucket = 0;
    while (bucket < bound_count && milliseconds > duration_bounds[bucket].milliseconds)
        ++bucket;
    return bucket;
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_DETAIL_METRICS_HPP_INCLUDED
