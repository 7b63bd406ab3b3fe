// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "fuzz/reader.hpp"

#include <nlohmann/json.hpp>
#include <unicode/uchar.h>

#include "support/icu_utf8.hpp"

namespace {

/// Collects values while nlohmann's parser reads them: a tree of them would cost most of the target's time.
struct collector : nlohmann::json_sax<nlohmann::json> {
    fuzz::paths_and_values   values;
    std::string              path;
    std::vector<std::size_t> outside; // how long the path was outside of each object

    bool add(std::string value) {
        values.emplace_back(path, std::move(value));
        return true;
    }

    bool null() override { return add("null"); }
    bool boolean(bool value) override { return add(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return add(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override { return add(std::to_string(value)); }
    bool string(string_t &value) override { return add(fuzz::in_quotes(value)); }

    bool start_object(std::size_t) override {
        outside.push_back(path.size());
        return true;
    }
    bool key(string_t &name) override {
        path.resize(outside.back());
        path.append("/").append(name);
        return true;
    }
    bool end_object() override {
        path.resize(outside.back());
        outside.pop_back();
        return true;
    }

    bool number_float(number_float_t, const string_t &) override { return false; }
    bool binary(binary_t &) override { return false; }
    bool start_array(std::size_t) override { return false; }
    bool end_array() override { return false; }
    bool parse_error(std::size_t, const std::string &, const nlohmann::detail::exception &) override { return false; }
};

/// Whether a code point would break a line, hide in it, or turn its direction.
bool is_dangerous(UChar32 c) {
    if (c >= ' ' && c <= '~')
        return false; // soon, for most of a line
    switch (u_charType(c)) {
    case U_CONTROL_CHAR:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR: return true;
    default:
        return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || u_hasBinaryProperty(c, UCHAR_BIDI_CONTROL);
    }
}

} // namespace

fuzz::paths_and_values fuzz::json_values(std::string_view text) {
    collector read;
    if (!nlohmann::json::sax_parse(text, &read))
        read.values.clear();
    return std::move(read.values);
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
