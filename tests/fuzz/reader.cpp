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

namespace {

/// Takes what is there, or fails.
bool take(std::string_view &text, std::string_view expected) {
    if (text.substr(0, expected.size()) != expected)
        return false;
    text.remove_prefix(expected.size());
    return true;
}

/// Takes up to a character, and the character.
std::string_view take_until(std::string_view &text, char end) {
    const std::string_view taken = text.substr(0, text.find(end));
    text.remove_prefix(taken.size() < text.size() ? taken.size() + 1 : taken.size());
    return taken;
}

/// Takes the value of a label and the quote behind it, and undoes the escapes.
bool take_label_value(std::string_view &text, std::string &value) {
    while (!text.empty() && text[0] != '\n') {
        char c = text[0];
        text.remove_prefix(1);
        if (c == '"')
            return true;
        if (c == '\\') {
            const std::size_t which = std::string_view("\\\"n").find(text.substr(0, 1));
            if (text.empty() || which == std::string_view::npos)
                return false;
            c = "\\\"\n"[which];
            text.remove_prefix(1);
        }
        value += c;
    }
    return false;
}

constexpr const char *lower_case = "abcdefghijklmnopqrstuvwxyz_";

bool take_name(std::string_view &text, std::string &name) {
    const std::string_view taken = text.substr(0, text.find_first_not_of(lower_case));
    text.remove_prefix(taken.size());
    name += taken;
    return !taken.empty();
}

bool take_sample(std::string_view &text, fuzz::metrics::sample &line) {
    line.series.clear();
    if (!take_name(text, line.series))
        return false;
    line.series += '\n';
    for (bool more = take(text, "{"); more;) {
        if (!take_name(text, line.series) || !take(text, "=\""))
            return false;
        line.series += '=';
        if (!take_label_value(text, line.series))
            return false;
        line.series += '\n';
        more = take(text, ",");
        if (!more && !take(text, "}"))
            return false;
    }
    if (!take(text, " "))
        return false;
    line.value = take_until(text, '\n');
    return !line.value.empty() && line.value.find_first_not_of("0123456789.") == std::string::npos;
}

} // namespace

fuzz::metrics fuzz::read_metrics(std::string_view page) {
    metrics          read;
    metrics::sample  line;
    std::string_view family; // whose `# TYPE` came last
    if (page.empty() || page.back() != '\n')
        return read;
    while (!page.empty()) {
        if (take(page, "# HELP ")) {
            family = take_until(page, ' ');
            take_until(page, '\n');
            if (!take(page, "# TYPE ") || take_until(page, ' ') != family)
                return read;
            take_until(page, '\n');
            continue;
        }
        if (!take_sample(page, line) || line.series.rfind(family, 0) != 0)
            return read;
        ++read.lines;
        if (line.value != "0")
            read.samples.push_back(line);
    }
    read.is_well_formed = true;
    return read;
}
