// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// close_frame::parse and the answer, for any body: against RFC 6455 and ICU.

#include <wsclose/close_frame.hpp>

#include "fuzz/codes.hpp"
#include "fuzz/fuzz.hpp"
#include "support/icu_utf8.hpp"

using namespace wsclose;
using fuzz::must;

namespace {

struct expected {
    parse_error error;
    std::size_t offset;
};

expected expect(std::string_view body) {
    if (body.empty())
        return {parse_error::none, 0};
    if (body.size() == 1)
        return {parse_error::truncated_code, 1};
    if (body.size() > 125)
        return {parse_error::too_long, 125};
    if (!fuzz::may_be_on_the_wire(fuzz::code_in(body)))
        return {parse_error::forbidden_code, 0};
    const std::size_t valid = test::icu_valid_prefix(body.substr(2));
    return valid == body.size() - 2 ? expected{parse_error::none, 0} : expected{parse_error::invalid_utf8, 2 + valid};
}

std::string_view body_of(const close_frame &frame) { return {frame.data(), frame.size()}; }

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const fuzz::exact      bytes(std::string_view(reinterpret_cast<const char *>(data), size));
    const std::string_view body = bytes.view();
    const parse_result     read = close_frame::parse(body);
    const expected         as   = expect(body);
    must(read.error == as.error, "parse finds the error that RFC 6455 names");
    must(read.offset == as.offset, "parse says at which byte");
    must(bool(read) == (as.error == parse_error::none), "a result is true if there is no error");
    must(close_frame::parse(body.data(), body.size()).frame == read.frame, "both forms of parse agree");
    must(name(read.error).empty() == bool(read) && description(read.error).empty() == bool(read),
         "an error has a name and a description");

    const close_frame &frame = read.frame;
    must(body_of(frame) == (read ? body : std::string_view()), "a frame has the bytes of the body, or none");
    must(std::string_view(frame.data() + frame.size(), 127 - frame.size()).find_first_not_of('\0') ==
             std::string_view::npos,
         "the bytes behind a body are zero");
    if (read && frame.has_code()) {
        must(static_cast<unsigned>(frame.code()) == fuzz::code_in(body), "the code is that of the body");
        must(frame.reason() == body.substr(2), "the text is that of the body");
        const make_result again = close_frame::make(frame.code(), frame.reason());
        must(again && again.frame == frame, "make makes the same frame of code and text");
        must(close_frame::fit(frame.code(), frame.reason()) == frame, "fit changes nothing that is valid");
    }

    const close_frame answer = read.answer();
    must(bool(close_frame::parse(body_of(answer))), "an answer is valid");
    if (read)
        must(answer == frame, "a valid frame is answered with the same");
    else
        must(answer.code() == (read.error == parse_error::invalid_utf8 ? close_code{1007} : close_code{1002}) &&
                 answer.reason() == description(read.error),
             "an invalid frame is answered with 1007 or 1002, and says why");
    return 0;
}
