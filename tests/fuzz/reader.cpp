// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "fuzz/reader.hpp"

#include <nlohmann/json.hpp>
#include <unicode/uchar.h>

#include "support/icu_utf8.hpp"

namespace {

/// Whether a code point would break a line, hide in it, or turn its direction.
bool is_dangerous(UChar32 c) {
    switch (u_charType(c)) {
    case U_CONTROL_CHAR:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR: return true;
    default:
        return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || u_hasBinaryProperty(c, UCHAR_BIDI_CONTROL);
    }
}

} // namespace

std::map<std::string, std::string> fuzz::json_values(std::string_view text) {
    std::map<std::string, std::string> values;
    const nlohmann::json               read = nlohmann::json::parse(text, nullptr, false);
    if (read.is_discarded())
        return values;
    const nlohmann::json leaves = read.flatten();
    for (const auto &[path, value] : leaves.items())
        values[path] = value.is_string() ? in_quotes(value.get<std::string>()) : value.dump();
    return values;
}

const char *fuzz::fault_of_line(std::string_view line) {
    while (!line.empty()) {
        const test::icu_part next = test::next_part(line);
        if (next.code_point < 0)
            return "a line is valid UTF-8";
        if (is_dangerous(next.code_point))
            return "a line has nothing that breaks it, hides in it or turns it";
        line.remove_prefix(next.size);
    }
    return nullptr;
}
