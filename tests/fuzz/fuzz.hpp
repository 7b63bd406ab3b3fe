// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_FUZZ_FUZZ_HPP_INCLUDED
#define WSCLOSE_TESTS_FUZZ_FUZZ_HPP_INCLUDED

// What every target needs: to take an input apart, and to say which promise is broken.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace fuzz {

/// Ends the process, which libFuzzer then reports with the input.
inline void must(bool holds, const char *promise) {
    if (holds)
        return;
    std::fprintf(stderr, "broken: %s\n", promise);
    std::abort();
}

/// Bytes in memory of exactly their size, so that AddressSanitizer sees a read or a write beside them.
class exact {
public:
    explicit exact(std::size_t size) : bytes_(new char[size]()), size_(size) {}
    explicit exact(std::string_view text) : exact(text.size()) { text.copy(bytes_.get(), size_); }

    char            *data() const { return bytes_.get(); }
    std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t             size_;
};

/// Takes an input apart from its front. What is used up gives zeros.
class input {
public:
    input(const std::uint8_t *data, std::size_t size) : rest_(reinterpret_cast<const char *>(data), size) {}

    bool empty() const { return rest_.empty(); }

    template <class T = std::uint8_t>
    T number() {
        T                 value{};
        const std::size_t size = rest_.size() < sizeof value ? rest_.size() : sizeof value;
        std::memcpy(&value, rest_.data(), size);
        rest_.remove_prefix(size);
        return value;
    }

    /// One of the first `count` values of an enum.
    template <class Enum>
    Enum one_of(unsigned count) {
        return static_cast<Enum>(number() % count);
    }

    /// A byte that says how long the text is, and the text.
    exact text() {
        const std::size_t asked = number();
        return rest(asked);
    }

    /// All that is left, up to `most` bytes.
    exact rest(std::size_t most = std::string_view::npos) {
        const std::string_view taken = rest_.substr(0, most);
        rest_.remove_prefix(taken.size());
        return exact(taken);
    }

private:
    std::string_view rest_;
};

} // namespace fuzz

#endif // WSCLOSE_TESTS_FUZZ_FUZZ_HPP_INCLUDED
