// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_FUZZ_READER_HPP_INCLUDED
#define WSCLOSE_TESTS_FUZZ_READER_HPP_INCLUDED

// Those who read what wsclose writes: a JSON parser, and ICU, which knows what is invisible. They are compiled apart,
// so that libFuzzer follows the paths of wsclose, and not theirs.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

/// A text as `json_values` shows it: in quotes, without escapes.
inline std::string in_quotes(std::string_view text) { return std::string("\"").append(text) + '"'; }

/// Paths such as `/received/code`, each with its value.
using paths_and_values = std::vector<std::pair<std::string, std::string>>;

/// The values of a JSON text by their paths, or the value with no path if it is no object. Empty if it is no JSON, or if
/// it has something that wsclose does not write, such as an array.
paths_and_values json_values(std::string_view text);

/// What is wrong with a line of a log; null if nothing is.
const char *fault_of_line(std::string_view line);

} // namespace fuzz

#endif // WSCLOSE_TESTS_FUZZ_READER_HPP_INCLUDED
