// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Text and JSON of any report: against ICU, which knows what is invisible, and a JSON parser.

#include <string>

#include <wsclose/format.hpp>
#include <wsclose/named.hpp>

#include "fuzz/events.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/reader.hpp"
#include "support/game_code.hpp"

using namespace wsclose;
using fuzz::must;

namespace {

void check_line(std::string_view line) {
    must(!line.empty(), "a line says something");
    if (const char *const broken = fuzz::fault_of_line(line))
        must(false, broken);
}

using values = fuzz::paths_and_values;

template <class Value>
values json_of(const Value &value) {
    std::string out;
    write_json(value, [&out](std::string_view piece) { out += piece; });
    check_line(out);
    values read = fuzz::json_values(out);
    must(!read.empty(), "what is written as JSON is JSON");
    return read;
}

std::string value_of(const values &all, std::string_view path) {
    for (const auto &[at, value] : all)
        if (at == path)
            return value;
    return "nothing";
}

std::string name_or_null(std::string_view name) { return name.empty() ? "null" : fuzz::in_quotes(name); }

template <class Number>
std::string number_or_nothing(Number number) {
    return number == 0 ? "nothing" : std::to_string(number);
}

void check_frame(const values &json, const std::string &path, const close_frame *frame) {
    if (!frame)
        return must(value_of(json, path) == "null", "a frame that there is not is null");
    must(value_of(json, path + "/code") == std::to_string(static_cast<unsigned>(frame->code())), "JSON has the code");
    must(value_of(json, path + "/reason") == fuzz::in_quotes(frame->reason()), "JSON gives the text back");
}

/// The text in quotes at the end of a line is the reason, once a JSON parser has undone the escapes.
void check_frame(const close_frame &frame) {
    const text_line        text(frame);
    const std::string_view line = text.view();
    check_line(line);
    must(line.size() == std::string_view(text.c_str()).size(), "a line ends with a NUL, and has no other");
    const std::size_t quote = line.find('"');
    must((quote == std::string_view::npos) == frame.reason().empty(), "a text is in quotes, or there is none");
    if (quote != std::string_view::npos)
        must(value_of(fuzz::json_values(line.substr(quote)), "") == fuzz::in_quotes(frame.reason()),
             "the text in quotes is the reason");
    check_frame(json_of(frame), "", &frame);
}

void check_report(const close_report &report) {
    check_line(text_line(report).view());
    const values json  = json_of(report);
    const bool   fails = !report.error().empty();
    const auto   is    = [&json](const char *path, const std::string &expected) {
        must(value_of(json, path) == expected, path);
    };
    is("/code", std::to_string(static_cast<unsigned>(report.code())));
    is("/reason", fuzz::in_quotes(report.reason()));
    is("/clean", report.clean() ? "true" : "false");
    is("/initiator", fuzz::in_quotes(name(report.initiator())));
    is("/cause", fuzz::in_quotes(name(report.cause())));
    is("/violation", name_or_null(name(report.violation())));
    is("/inferred", report.acknowledged() == acknowledgement::inferred ? "true" : "nothing");
    is("/code_uncertain", report.code_uncertain() ? "true" : "nothing");
    is("/lasted_ms", fails ? "nothing" : std::to_string(report.lasted()));
    is("/error", fails ? fuzz::in_quotes(report.error()) : "nothing");
    is("/http_status", number_or_nothing(fails ? report.http_status() : 0u));
    is("/retry_after", number_or_nothing(report.retry_after()));
    check_frame(json, "/received", report.received());
    check_frame(json, "/sent", report.sent());
}

void check_named(const close_report &report) {
    const auto named_report = named<test::game_code>(report);
    check_line(text_line(named_report).view());
    const unsigned         code = static_cast<unsigned>(report.code());
    const std::string_view own  = code == 4001 ? "kicked" : code == 4002 ? "cheated" : name(report.code());
    must(value_of(json_of(named_report), "/name") == name_or_null(own), "JSON has the name of an application's code");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input        in(data, size);
    const close_report report = fuzz::take_report(in);
    check_report(report);
    check_named(report);
    for (const close_frame *frame : {report.received(), report.sent()})
        if (frame)
            check_frame(*frame);
    check_line(text_line(report.code()).view());
    return 0;
}
