// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_FUZZ_CODES_HPP_INCLUDED
#define WSCLOSE_TESTS_FUZZ_CODES_HPP_INCLUDED

// Which codes may be on the wire, from RFC 6455 section 7.4 and the IANA registry of 2026-11-26, without wsclose.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fuzz {

inline bool may_be_on_the_wire(unsigned code) {
    switch (code) {
    case 1000:
    case 1001:
    case 1002:
    case 1003:
    case 1007:
    case 1008:
    case 1009:
    case 1010:
    case 1011:
    case 1012:
    case 1013:
    case 1014: return true;
    default: return code / 1000 == 3 || code / 1000 == 4;
    }
}

inline unsigned code_in(std::string_view body) {
    return static_cast<unsigned char>(body[0]) * 256u + static_cast<unsigned char>(body[1]);
}

} // namespace fuzz

#endif // WSCLOSE_TESTS_FUZZ_CODES_HPP_INCLUDED
