// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_NOISE_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_NOISE_HPP_INCLUDED

// Data that does not compress.

#include <cstddef>
#include <random>
#include <vector>

#include <libwebsockets.h>

namespace test {

inline constexpr std::size_t most_noise = 200000; // bytes

/// As many bytes, with LWS_PRE bytes before them. They stay for as long as the process runs: with
/// permessage-deflate, lws may read them after lws_write() has returned.
inline unsigned char *noise() {
    static std::vector<unsigned char> bytes = [] {
        std::vector<unsigned char> made(LWS_PRE + most_noise);
        std::mt19937               engine;
        for (unsigned char &byte : made)
            byte = static_cast<unsigned char>(engine());
        return made;
    }();
    return bytes.data() + LWS_PRE;
}

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_NOISE_HPP_INCLUDED
