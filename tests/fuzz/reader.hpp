// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_FUZZ_READER_HPP_INCLUDED
#define WSCLOSE_TESTS_FUZZ_READER_HPP_INCLUDED

// What reads what wsclose writes: a JSON parser, ICU, which knows what is invisible, and a reader of metrics. They are
// compiled apart, so that libFuzzer follows the paths of wsclose, and not theirs.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

/// A text as `json_values` shows it: in quotes, without escapes.
inline std::string in_quotes(std::string_view text) { return std::string("\"").append(text) + '"'; }

/// Paths such as `/received/code`, each with its value.
using paths_and_values = std::vector<std::pair<std::string, std::string>>;

/// The values of a JSON text by their paths, or the value with no path if it is no object. Empty if it is no JSON, or
/// if it has something that wsclose does not write, such as an array.
paths_and_values json_values(std::string_view text);

/// What is wrong with a line of a log; null if nothing is.
const char *fault_of_line(std::string_view line);

/// What is on a page of metrics in the text format of Prometheus, version 0.0.4.
struct metrics {
    struct sample {
        std::string      series; ///< `name\nlabel=value\n...`, without escapes
        std::string_view value;  ///< in the page
    };
    bool                is_well_formed = false;
    std::size_t         lines          = 0;  ///< with numbers
    std::vector<sample> samples        = {}; ///< the numbers that are not 0
};

metrics read_metrics(std::string_view page);

} // namespace fuzz

#endif // WSCLOSE_TESTS_FUZZ_READER_HPP_INCLUDED
