// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// What the values cost: making, fitting and parsing a frame, next to copying its bytes.

#include <wsclose/close_frame.hpp>

#include <cstring>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace wsclose;

TEST_CASE("a frame with 123 bytes of text") {
    std::string japanese;
    while (japanese.size() < max_reason_size)
        japanese += "\xE6\x97\xA5";
    for (const std::string &text : {std::string(max_reason_size, 'x'), japanese}) {
        const std::string label = text[0] == 'x' ? ", ASCII" : ", Japanese";
        const std::string body  = "\x03\xE8" + text;
        BENCHMARK("memcpy" + label) {
            close_frame copy;
            std::memcpy(static_cast<void *>(&copy), body.data(), body.size());
            return copy;
        };
        BENCHMARK("make" + label) { return close_frame::make(close_code::normal_closure, text); };
        BENCHMARK("fit" + label) { return close_frame::fit(close_code::normal_closure, text); };
        BENCHMARK("parse" + label) { return close_frame::parse(std::string_view(body)); };
    }
}
