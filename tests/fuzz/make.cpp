// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// What is said of a code, close_frame::make and fit, for any code, text and role: against RFC 6455 and ICU.

#include <wsclose/close_frame.hpp>

#include "fuzz/codes.hpp"
#include "fuzz/fuzz.hpp"
#include "support/icu_utf8.hpp"

using namespace wsclose;
using fuzz::must;

namespace {

void check_code(close_code code) {
    const auto number = static_cast<unsigned>(code);
    const bool known  = fuzz::may_be_on_the_wire(number);
    must(is_receivable(code) == known && is_sendable(code) == known, "what may be sent may be received");
    must(browser_may_send(code) == (number == 1000 || number / 1000 == 3 || number / 1000 == 4),
         "a browser takes 1000 and the codes of applications");
    must(!description(code).empty(), "every number has a description");
    must(name(code).empty() || close_code_from_name(name(code)) == code, "a name leads back to its code");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input            in(data, size);
    const auto             code   = close_code{in.number<std::uint16_t>()};
    const auto             sender = in.one_of<role>(2);
    const fuzz::exact      bytes  = in.rest();
    const std::string_view text   = bytes.view();

    check_code(code);
    const auto named = close_code_from_name(text);
    must(!named || name(*named) == text, "a name is that of its code");

    const bool        known = fuzz::may_be_on_the_wire(static_cast<unsigned>(code));
    const std::size_t valid = test::icu_valid_prefix(text);
    const make_result made  = close_frame::make(code, text);
    const make_error  error = !known                ? make_error::forbidden_code
                              : text.size() > 123   ? make_error::reason_too_long
                              : valid < text.size() ? make_error::invalid_utf8
                                                    : make_error::none;
    const std::size_t at = error == make_error::reason_too_long ? 123 : error == make_error::invalid_utf8 ? valid : 0;
    must(made.error == error, "make finds the first error");
    must(made.offset == at, "make says at which byte");
    must(name(made.error).empty() == bool(made) && description(made.error).empty() == bool(made),
         "an error has a name and a description");
    must(made || made.frame == close_frame(), "a frame that is refused is empty");

    make_error         adjusted = make_error::none;
    const close_frame  fitted   = close_frame::fit(code, text, sender, adjusted);
    const bool         allowed  = known && (sender == role::client || static_cast<unsigned>(code) != 1010);
    const parse_result parsed   = close_frame::parse(fitted.data(), fitted.size());
    must(parsed && parsed.frame == fitted, "what fit makes is valid");
    must(fitted.code() == (allowed ? code : close_code::internal_error), "fit keeps a code that may be sent");
    must(fitted.reason() == test::icu_sanitised(text, 123), "fit replaces what ICU calls ill-formed, and cuts");
    must(adjusted == (allowed ? error : make_error::forbidden_code), "fit says what it adjusted first");
    must(fitted == close_frame::fit(code, text, sender), "both forms of fit agree");
    if (made && allowed)
        must(made.frame == fitted, "make and fit agree on what is valid");
    return 0;
}
