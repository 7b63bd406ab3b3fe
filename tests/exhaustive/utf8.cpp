// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// utf8::validate and utf8::copy against ICU: every sequence of up to 3 bytes, and every one of 4 that begins with F0 to
// F5. Each stands alone, at the end of a text, and in texts of several blocks, where it begins 0 to 4 bytes before the
// end of a block. The text around it is ASCII, so that it alone decides.
//
//   exhaustive_utf8 [EDGES]   at the end of the first EDGES of the 7 blocks that are full in a longest reason; without
//                             it, of the first. Sequences of bytes at which a rule changes stand at all of them, and
//                             at the end of texts of each length.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <wsclose/close_frame.hpp>

#include "support/icu_utf8.hpp"

using namespace wsclose;

namespace {

constexpr std::size_t block_size = 16, all_edges = 7, longest = 4;

// Around each limit of table 3-7 of the Unicode standard, and of the nibbles that the blocks are looked up by.
constexpr unsigned char limit_bytes[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                                         0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};

struct tally {
    unsigned long long checks = 0, failures = 0;
};

/// A text with room for a sequence.
struct place {
    place(std::size_t where, std::size_t size) : text(size, 'a'), at(where) {}

    std::string text;
    std::size_t at;
};

/// A sequence of some length, in all its places.
class scene {
public:
    scene(std::size_t length, std::size_t edges, bool at_every_end) : length_(length) {
        places_.emplace_back(0, length);
        places_.emplace_back(block_size - length, block_size);
        const std::size_t size = std::min((edges + 1) * block_size, max_reason_size);
        for (std::size_t edge = 1; edge <= edges; ++edge)
            for (std::size_t before = 0; before <= longest; ++before)
                places_.emplace_back(edge * block_size - before, size);
        for (std::size_t end = length; at_every_end && end <= max_reason_size; ++end)
            places_.emplace_back(end - length, end);
    }

    void put(std::size_t index, char byte) {
        sequence_[index] = byte;
        for (place &here : places_)
            here.text[here.at + index] = byte;
    }

    void check(bool with_copy, tally &result) {
        const std::size_t valid = test::icu_valid_prefix({sequence_.data(), length_});
        for (const place &here : places_) {
            const std::string &text     = here.text;
            const std::size_t  expected = valid == length_ ? text.size() : here.at + valid;
            const auto         fails    = [&](const utf8::result &found) {
                return found.valid != (valid == length_) || found.offset != expected;
            };
            bool failed = fails(utf8::validate(text));
            if (with_copy)
                failed |=
                    fails(utf8::copy(text, copy_.data())) || text.compare(0, text.npos, copy_.data(), text.size());
            if (failed && result.failures++ == 0)
                print(here);
            ++result.checks;
        }
    }

private:
    void print(const place &here) const {
        std::printf("wrong: ");
        for (std::size_t i = 0; i < length_; ++i)
            std::printf("%02X ", static_cast<unsigned char>(sequence_[i]));
        std::printf("at byte %zu of %zu\n", here.at, here.text.size());
    }

    std::size_t                       length_;
    std::vector<place>                places_;
    std::array<char, longest>         sequence_{};
    std::array<char, max_reason_size> copy_{};
};

/// Many sequences, in the scenes for their lengths.
class checker {
public:
    checker(std::size_t edges, bool is_thorough) : is_thorough_(is_thorough) {
        for (std::size_t length = 1; length <= longest; ++length)
            scenes_.emplace_back(length, edges, is_thorough);
    }

    /// All sequences of up to `most` bytes that go on with `byte`, and then with any of `next`.
    void check(std::size_t index, unsigned char byte, std::size_t most, const std::vector<unsigned char> &next) {
        for (std::size_t i = index; i < longest; ++i)
            scenes_[i].put(index, static_cast<char>(byte));
        scenes_[index].check(is_thorough_, result);
        if (index + 1 < most)
            for (const unsigned char following : next)
                check(index + 1, following, most, next);
    }

    tally result;

private:
    std::vector<scene> scenes_; // by length
    bool               is_thorough_;
};

} // namespace

int main(int argc, char **argv) {
    const std::size_t          edges   = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1;
    const unsigned             workers = std::max(1U, std::thread::hardware_concurrency());
    const std::vector          limits(std::begin(limit_bytes), std::end(limit_bytes));
    std::vector<unsigned char> any;
    for (unsigned byte = 0; byte <= 0xFF; ++byte)
        any.push_back(static_cast<unsigned char>(byte));
    std::vector<tally>       tallies(workers);
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < workers; ++worker)
        threads.emplace_back([&, worker] {
            checker every(edges, false), thorough(all_edges, true);
            for (const unsigned char first : any)
                if (first % workers == worker) // F0 to F5, which take the longest, go to different ones
                    every.check(0, first, first >= 0xF0 && first <= 0xF5 ? 4 : 3, any);
            for (const unsigned char first : limits)
                if (first % workers == worker)
                    thorough.check(0, first, 4, limits);
            tallies[worker] = {every.result.checks + thorough.result.checks,
                               every.result.failures + thorough.result.failures};
        });
    for (std::thread &thread : threads)
        thread.join();
    tally all;
    for (const tally &one : tallies) {
        all.checks += one.checks;
        all.failures += one.failures;
    }
    std::printf("%llu texts checked, %llu failed\n", all.checks, all.failures);
    return all.failures != 0;
}
