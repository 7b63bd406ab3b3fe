// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_CLOSE_COUNTERS_HPP_INCLUDED
#define WSCLOSE_CLOSE_COUNTERS_HPP_INCLUDED

// Counts how connections end, as metrics for Prometheus.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view> // std::size and std::data too
#include <type_traits>
#include <utility>

#include <wsclose/close_code.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/detail/metrics.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// A label for every series of a `basic_close_counters`, such as `{"server", "eu-1"}`. The name begins with a letter,
/// followed by letters, digits and `_`. It must not be `initiator`, `cause`, `clean`, `code`, `code_name`,
/// `http_status` or `le`. The value is any UTF-8; an empty value is the same as no label.
struct metric_label {
    std::string_view name;  ///< must outlive the counters
    std::string_view value; ///< must outlive the counters
};

/// Counts how connections ended. `Codes` is the application's own enum of close codes (`close_code_traits`): each of
/// its codes then has a series, with its name. Without one, use `close_counters`.
///
/// Any thread may count and write at any time, without a lock if `std::atomic<std::uint64_t>` needs none. Each number
/// that is written is exact for the moment at which it is read, and never falls. If another thread counts meanwhile,
/// its report may be in some metrics already, and not yet in the others.
template <class Codes>
class basic_close_counters {
    static_assert(std::is_same_v<Codes, close_code> || detail::is_application_enum<Codes>(),
                  "wsclose: this enum has no close_code_traits; list its codes there");
    using slots = detail::code_slots<Codes>;

public:
    constexpr basic_close_counters() noexcept = default;

    /// Adds these labels to every series: an array of `metric_label`, or anything with `data()` and `size()`. It and
    /// its texts must outlive the counters and must not change.
    template <class Labels, class = std::enable_if_t<std::is_convertible_v<
                                decltype(std::data(std::declval<Labels &>())), const metric_label *>>>
    explicit constexpr basic_close_counters(Labels &constant_labels) noexcept
        : labels_(std::data(constant_labels)), label_count_(std::size(constant_labels)) {}

    /// Counts one connection that ended, or one attempt of a client that failed. Call it once for each final report,
    /// such as that of `on_close`. A connection counts once as an ending, once for its code and once for its duration;
    /// a failed attempt counts once.
    void count(const close_report &report) noexcept;

    /// The most series that one object can have. Each series that a peer can cause is written from the beginning, with
    /// 0, so no peer can add one. The others are written only if they are not 0. That takes a report that contradicts
    /// itself, such as an open connection whose server was not found.
    static constexpr std::size_t max_series = detail::initiator_count * (cause_count * 2 + slots::count) + cause_count +
                                              detail::status_classes - 1 + detail::bound_count + 3;

private:
    template <class Sink, class... Others>
    friend void write_metrics(Sink &&sink, const basic_close_counters<Others> &...counters);

    using cell = std::atomic<std::uint64_t>;

    static void add(cell &to, std::uint64_t value = 1) noexcept { to.fetch_add(value, std::memory_order_relaxed); }
    static std::uint64_t read(const cell &from) noexcept { return from.load(std::memory_order_relaxed); }

    template <class Sink>
    void write_closes(Sink &sink) const;
    template <class Sink>
    void write_codes(Sink &sink) const;
    template <class Sink>
    void write_failures(Sink &sink) const;
    template <class Sink>
    void write_durations(Sink &sink) const;

    /// The beginning of a line, with the labels that all lines have.
    template <class Sink>
    detail::metric_line<Sink> line(Sink &sink, const detail::metric_family &family,
                                   std::string_view suffix = {}) const {
        detail::metric_line<Sink> result(sink, family.name, suffix);
        for (std::size_t i = 0; i < label_count_; ++i)
            result.label(labels_[i].name, labels_[i].value);
        return result;
    }

    const metric_label *labels_      = nullptr;
    std::size_t         label_count_ = 0;

    cell closes_[detail::initiator_count][cause_count][2] = {}; // not clean, clean
    cell codes_[detail::initiator_count][slots::count]    = {};
    cell failures_[cause_count]                           = {}; // those without an HTTP status
    cell refusals_[detail::status_classes]                = {}; // the first is not used
    cell durations_[detail::bound_count + 1]              = {};
    cell open_for_                                        = {}; // milliseconds, all connections together
};

/// Counts with the codes of the registry; all others count by range: `3xxx`, `4xxx`.
using close_counters = basic_close_counters<close_code>;

/// Writes everything that was counted, in the Prometheus text format, version 0.0.4, through `sink`, a function that
/// takes pieces as `std::string_view`. Several counters need different labels. Serve the text as
/// `text/plain; version=0.0.4`.
template <class Sink, class... Codes>
void write_metrics(Sink &&sink, const basic_close_counters<Codes> &...counters) {
    detail::write_head(detail::closes_family, sink);
    (counters.write_closes(sink), ...);
    detail::write_head(detail::codes_family, sink);
    (counters.write_codes(sink), ...);
    detail::write_head(detail::failures_family, sink);
    (counters.write_failures(sink), ...);
    detail::write_head(detail::durations_family, sink);
    (counters.write_durations(sink), ...);
}

template <class Codes>
void basic_close_counters<Codes>::count(const close_report &report) noexcept {
    const auto why = static_cast<unsigned>(report.cause());
    if (!report.error().empty()) {
        const unsigned hundreds = report.http_status() / 100;
        const bool     refused  = report.cause() == cause::upgrade_refused;
        add(refused && hundreds - 1 < detail::status_classes - 1 ? refusals_[hundreds] : failures_[why]);
        return;
    }
    const auto who = static_cast<unsigned>(report.initiator());
    add(closes_[who][why][report.clean()]);
    add(codes_[who][slots::slot_of(report.code())]);
    add(durations_[detail::bucket_of(report.lasted())]);
    add(open_for_, static_cast<std::uint64_t>(report.lasted()));
}

template <class Codes>
template <class Sink>
void basic_close_counters<Codes>::write_closes(Sink &sink) const {
    using namespace std::string_view_literals;
    for (unsigned i = 0; i < detail::initiator_count * cause_count * 2; ++i) {
        const auto          who    = static_cast<initiator>(i / 2 / cause_count);
        const auto          why    = static_cast<cause>(i / 2 % cause_count);
        const bool          clean  = i % 2 != 0;
        const std::uint64_t closes = read(closes_[i / 2 / cause_count][i / 2 % cause_count][i % 2]);
        if (closes != 0 || detail::is_usual(who, why, clean))
            line(sink, detail::closes_family)
                .label("initiator"sv, name(who))
                .label("cause"sv, name(why))
                .label("clean"sv, clean ? "true"sv : "false"sv)
                .value(closes);
    }
}

template <class Codes>
template <class Sink>
void basic_close_counters<Codes>::write_codes(Sink &sink) const {
    using namespace std::string_view_literals;
    for (unsigned i = 0; i < detail::initiator_count * slots::count; ++i) {
        const auto          who    = static_cast<initiator>(i / slots::count);
        const unsigned      slot   = i % slots::count;
        const std::uint64_t closes = read(codes_[i / slots::count][slot]);
        if (closes == 0 && !slots::is_usual(who, slot))
            continue;
        line(sink, detail::codes_family)
            .label("initiator"sv, name(who))
            .label("code"sv, slots::digits_of(slot).view())
            .label("code_name"sv, slots::name_of(slot))
            .value(closes);
    }
}

template <class Codes>
template <class Sink>
void basic_close_counters<Codes>::write_failures(Sink &sink) const {
    using namespace std::string_view_literals;
    for (unsigned i = 0; i < cause_count; ++i)
        if (const std::uint64_t failures = read(failures_[i]);
            failures != 0 || detail::is_usual_failure(static_cast<cause>(i)))
            line(sink, detail::failures_family).label("cause"sv, name(static_cast<cause>(i))).value(failures);
    for (unsigned hundreds = 1; hundreds < detail::status_classes; ++hundreds)
        line(sink, detail::failures_family)
            .label("cause"sv, name(cause::upgrade_refused))
            .label("http_status"sv, detail::status_class(hundreds))
            .value(read(refusals_[hundreds]));
}

template <class Codes>
template <class Sink>
void basic_close_counters<Codes>::write_durations(Sink &sink) const {
    using namespace std::string_view_literals;
    std::uint64_t closes = 0;
    for (unsigned i = 0; i <= detail::bound_count; ++i) {
        closes += read(durations_[i]);
        line(sink, detail::durations_family, "_bucket"sv)
            .label("le"sv, i < detail::bound_count ? detail::duration_bounds[i].seconds : "+Inf"sv)
            .value(closes);
    }
    line(sink, detail::durations_family, "_sum"sv).value(read(open_for_), true);
    line(sink, detail::durations_family, "_count"sv).value(closes);
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_CLOSE_COUNTERS_HPP_INCLUDED
