// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// utf8::validate and utf8::copy at run time against their constexpr path: every sequence of up to 3 bytes, and
// every one of 4 that begins with F0 to F5, alone, at the start and at the end of a text, and across the edges of
// the blocks that the text is read in.
//
//   exhaustive_utf8 [EDGES]   across the first EDGES of the 7 edges in a reason

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include <wsclose/close_frame.hpp>

using namespace wsclose;

namespace {

constexpr std::size_t block_size = 16;

struct tally {
    unsigned long long checks = 0, failures = 0;
};

class checker {
public:
    explicit checker(std::size_t edges) : edges_(edges) { text_.fill('a'); }

    /// The sequence, in every place.
    void check(std::string_view sequence) {
        const utf8::result alone = utf8::detail::validate_by_sequences(sequence);
        check_at(0, sequence, sequence.size(), alone);
        check_at(0, sequence, max_reason_size, alone);
        check_at(max_reason_size - sequence.size(), sequence, max_reason_size, alone);
        for (std::size_t edge = 1; edge <= edges_; ++edge)
            for (std::size_t before = 1; before <= sequence.size(); ++before)
                check_at(edge * block_size - before, sequence, max_reason_size, alone);
    }

    tally result;

private:
    void check_at(std::size_t at, std::string_view sequence, std::size_t size, const utf8::result &alone) {
        sequence.copy(text_.data() + at, sequence.size());
        const std::string_view text(text_.data(), size);
        const utf8::result     found = utf8::validate(text), copied = utf8::copy(text, copy_.data());
        const std::size_t      expected = alone ? size : at + alone.offset;
        result.failures += found.valid != alone.valid || found.offset != expected;
        result.failures +=
            copied.valid != alone.valid || copied.offset != expected || std::string_view(copy_.data(), size) != text;
        ++result.checks;
        for (std::size_t i = 0; i < sequence.size(); ++i)
            text_[at + i] = 'a';
    }

    std::array<char, max_reason_size> text_, copy_{};
    std::size_t                       edges_;
};

/// All sequences whose first byte is `first`.
void check_first_byte(unsigned first, checker &check) {
    std::array<char, 4> bytes{static_cast<char>(first)};
    const auto          with = [&](auto &&next, std::size_t size) -> void {
        check.check({bytes.data(), size});
        if (size == 4 || (size == 3 && (first < 0xF0 || first > 0xF5)))
            return;
        for (unsigned byte = 0; byte <= 0xFF; ++byte) {
            bytes[size] = static_cast<char>(byte);
            next(next, size + 1);
        }
    };
    with(with, 1);
}

} // namespace

int main(int argc, char **argv) {
    const std::size_t        edges   = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 7;
    const unsigned           workers = std::max(1U, std::thread::hardware_concurrency());
    std::vector<tally>       tallies(workers);
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < workers; ++worker)
        threads.emplace_back([&, worker] {
            checker check(edges);
            for (unsigned i = 0; i <= 0xFF; ++i)
                if (i % workers == worker) // F0 to F5, which take the longest, go to different ones
                    check_first_byte(i, check);
            tallies[worker] = check.result;
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
