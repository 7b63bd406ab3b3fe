// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// utf8::validate, copy, prefix and sanitise, for any bytes: against ICU.

#include <wsclose/utf8.hpp>

#include "fuzz/fuzz.hpp"
#include "support/icu_utf8.hpp"

using namespace wsclose;
using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    fuzz::input            in(data, size);
    const std::size_t      limit = in.number();
    const fuzz::exact      bytes = in.rest();
    const std::string_view text  = bytes.view();

    const std::size_t  valid = test::icu_valid_prefix(text);
    const utf8::result found = utf8::validate(text);
    must(found.valid == (valid == text.size()) && bool(found) == found.valid, "validate says what ICU says");
    must(found.offset == valid, "validate finds the first ill-formed sequence where ICU does");

    // What a processor without blocks does.
    must(utf8::detail::validate_by_sequences(text).offset == valid, "sequence by sequence, it finds the same");

    const fuzz::exact  to(text.size());
    const utf8::result copied = utf8::copy(text, to.data());
    must(to.view() == text, "copy copies all bytes");
    must(copied.valid == found.valid && copied.offset == found.offset, "copy and validate agree");

    const std::string_view part = utf8::prefix(text, limit);
    must(part.data() == text.data() && part.size() == test::icu_valid_prefix(text.substr(0, limit)),
         "prefix is the longest that ICU calls valid");

    const fuzz::exact room(limit);
    const std::size_t written = utf8::sanitise(text, room.data(), limit);
    must(room.view().substr(0, written) == test::icu_sanitised(text, limit), "sanitise replaces what ICU replaces");
    return 0;
}
