// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// close_counters, for any reports and any value of a label: each number on the page against a sum of its own.

#include <limits>
#include <map>
#include <string>
#include <type_traits>

#include <wsclose/close_counters.hpp>

#include "fuzz/events.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/reader.hpp"
#include "support/game_code.hpp"

using namespace wsclose;
using fuzz::must;

namespace {

struct bound {
    std::int64_t milliseconds;
    const char  *seconds;
};

constexpr bound bounds[] = {
    {1'000, "1"},          {5'000, "5"},          {15'000, "15"},
    {30'000, "30"},        {60'000, "60"},        {120'000, "120"},
    {300'000, "300"},      {900'000, "900"},      {3'600'000, "3600"},
    {14'400'000, "14400"}, {86'400'000, "86400"}, {std::numeric_limits<std::int64_t>::max(), "+Inf"},
};

/// What is to be on the page for one object, by series, unless it is 0. A series is `name\nlabel=value\n...`.
struct sums {
    bool                                 has_game_codes;
    std::string                          labels = {}; ///< those of every series
    std::map<std::string, std::uint64_t> values = {};
    std::uint64_t                        lasted = 0; ///< milliseconds

    void add(const std::string &name, const std::string &own_labels) {
        ++values["websocket_" + name + '\n' + labels + own_labels];
    }

    void count(const close_report &report) {
        const std::string why = "cause=" + std::string(name(report.cause())) + '\n';
        if (!report.error().empty()) {
            const unsigned hundreds = report.http_status() / 100;
            const bool     refused  = report.cause() == cause::upgrade_refused && hundreds >= 1 && hundreds <= 5;
            return add("connect_failures_total",
                       refused ? why + "http_status=" + std::to_string(hundreds) + "xx\n" : why);
        }
        const std::string who = "initiator=" + std::string(name(report.initiator())) + '\n';
        add("closes_total", who + why + "clean=" + (report.clean() ? "true" : "false") + '\n');
        add("close_codes_total", who + code_labels(static_cast<unsigned>(report.code())));
        for (const bound &b : bounds)
            if (report.lasted() <= b.milliseconds)
                add("connection_duration_seconds_bucket", std::string("le=") + b.seconds + '\n');
        add("connection_duration_seconds_count", "");
        lasted += static_cast<std::uint64_t>(report.lasted());
    }

    std::string code_labels(unsigned code) const {
        std::string own(name(close_code(code)));
        if (has_game_codes && (code == 4001 || code == 4002))
            own = code == 4001 ? "kicked" : "cheated";
        if (own.empty())
            return code / 1000 == 4 ? "code=4xxx\n" : "code=3xxx\n";
        return "code=" + std::to_string(code) + "\ncode_name=" + own + '\n';
    }

    std::string seconds() const {
        std::string digits = std::to_string(lasted);
        digits.insert(0, digits.size() < 4 ? 4 - digits.size() : 0, '0');
        return digits.insert(digits.size() - 3, ".");
    }
};

/// Each sum is found on the page once, and nothing else is, except zeros.
void check_samples(const fuzz::metrics &page, sums expected) {
    const std::string sum_name = "websocket_connection_duration_seconds_sum\n" + expected.labels;
    for (const auto &[series, value] : page.samples) {
        if (series == sum_name) {
            must(value == expected.seconds(), "the sum of all durations is in seconds");
            continue;
        }
        const auto found = expected.values.find(series);
        must(found != expected.values.end(), "what was not counted is 0, and no series is there twice");
        must(value == std::to_string(found->second), "a number is what was counted");
        expected.values.erase(found);
    }
    must(expected.values.empty(), "everything that was counted is on the page");
}

template <class Codes>
void check(const basic_close_counters<Codes> &counters, const sums &expected) {
    static std::string text; // keeps its memory
    text.clear();
    write_metrics([](std::string_view piece) { text += piece; }, counters);
    const fuzz::metrics page = fuzz::read_metrics(text);
    must(page.is_well_formed, "the page is in the text format of Prometheus");
    must(page.lines <= counters.max_series, "an object has no more series than it says");
    check_samples(page, expected);
}

template <class Codes>
void play(fuzz::input &in) {
    const fuzz::exact           server   = in.text();
    const metric_label          labels[] = {{"server", server.view()}, {"zone", ""}}; // an empty one is left out
    basic_close_counters<Codes> counters(labels);
    sums                        expected{std::is_same_v<Codes, test::game_code>};
    if (!server.view().empty())
        expected.labels = "server=" + std::string(server.view()) + '\n';
    while (!in.empty()) {
        const close_report report = fuzz::take_report(in);
        counters.count(report);
        expected.count(report);
    }
    check(counters, expected);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input in(data, size);
    if (in.number() % 2 != 0)
        play<test::game_code>(in);
    else
        play<close_code>(in);
    return 0;
}
