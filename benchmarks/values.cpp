// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Validating a Close frame's text, parsing a frame and making one, with wsclose and with what else a
// program could use. Each kind and length of text is a cell. Each cell has a benchmark for every
// contestant, named KIND/ERROR/SIZE/CONTESTANT. values.py runs them and makes the tables.

#include <wsclose/close_frame.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>

#include <boost/beast/websocket/detail/utf8_checker.hpp>
#include <boost/version.hpp>
#include <websocketpp/utf8_validator.hpp>
#include <websocketpp/version.hpp>

#if HAVE_LWS
extern "C" int lws_check_utf8(unsigned char *state, unsigned char *text, std::size_t size);
#endif
#if HAVE_SIMDUTF
#    include <simdutf.h>
#endif

namespace {

using namespace wsclose;

// The texts

/// The body of a frame: 1000, the text, and zeros up to 128 bytes.
struct body {
    char        bytes[128] = {'\x03', '\xE8'};
    std::size_t size       = 0; ///< of the text

    std::string_view whole() const noexcept { return {bytes, 2 + size}; }
    std::string_view text() const noexcept { return {bytes + 2, size}; }
};

/// Too many for a branch predictor to learn, few enough for the first-level cache.
using bodies = std::array<body, 64>;

/// A range of code points; of 12 code points of a text, `share` are from it, the others are ASCII.
struct script {
    const char *name;
    char32_t    first, last;
    unsigned    share;
};

constexpr script scripts[] = {
    {"ASCII", 'a', 'z', 10},     {"Latin", 0xC0, 0xFF, 3},        {"Greek", 0x3B1, 0x3C9, 10},
    {"CJK", 0x4E00, 0x9FFF, 12}, {"emoji", 0x1F300, 0x1F5FF, 12}, {"mixed", 0, 0, 0}, // all of the others
};

/// A byte that is ill-formed at this place, whatever is around it.
struct error {
    const char *name;
    char        byte;
    std::size_t (*at)(std::size_t size);
};

constexpr error errors[] = {
    {"valid", 0, nullptr},
    {"start", '\x80', [](std::size_t) { return std::size_t{0}; }}, // a continuation byte
    {"middle", '\xFF', [](std::size_t size) { return size / 2; }}, // never in UTF-8
    {"end", '\xE2', [](std::size_t size) { return size - 1; }},    // the first byte of three
};

constexpr std::size_t sizes[] = {0, 5, 16, 32, 64, 123};

std::string encode(char32_t c) {
    const auto next = [c](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
    if (c < 0x80)
        return {static_cast<char>(c)};
    if (c < 0x800)
        return {static_cast<char>(0xC0 | c >> 6), next(0)};
    if (c < 0x10000)
        return {static_cast<char>(0xE0 | c >> 12), next(6), next(0)};
    return {static_cast<char>(0xF0 | c >> 18), next(12), next(6), next(0)};
}

/// Takes an ASCII character if the script's next code point does not fit.
std::string make_text(const script &kind, std::size_t size, std::minstd_rand &random) {
    std::string text;
    while (text.size() < size) {
        const script &from = kind.first != 0 ? kind : scripts[random() % 5];
        std::string   next = encode(static_cast<char32_t>(from.first + random() % (from.last - from.first + 1)));
        if (random() % 12 >= from.share || text.size() + next.size() > size)
            next = encode(static_cast<char32_t>(' ' + random() % ('~' - ' ')));
        text += next;
    }
    return text;
}

bodies make_bodies(const script &kind, const error &with, std::size_t size) {
    std::minstd_rand random;
    bodies           result;
    for (body &each : result) {
        std::string text = make_text(kind, size, random);
        if (with.at != nullptr)
            text[with.at(size)] = with.byte;
        each.size = text.size();
        std::memcpy(each.bytes + 2, text.data(), text.size());
    }
    return result;
}

// The contestants. If the result converts to bool, it is checked.

std::string_view nothing(const body &b) { return b.text(); }

utf8::result validate(const body &b) { return utf8::validate(b.text()); }

parse_result parse(const body &b) { return close_frame::parse(b.whole()); }
make_result  make(const body &b) { return close_frame::make(close_code::normal_closure, b.text()); }
close_frame  fit(const body &b) { return close_frame::fit(close_code::normal_closure, b.text()); }

struct copied {
    char bytes[128];
};

copied copy(const body &b) {
    copied result;
    std::memcpy(result.bytes, b.bytes, b.whole().size());
    return result;
}

#if HAVE_SIMDUTF
bool validate_simdutf(const body &b) { return simdutf::validate_utf8(b.text().data(), b.size); }

/// With instructions for 16 bytes at a time, as in wsclose.
bool validate_simdutf_16(const body &b) {
    static const simdutf::implementation *const sse = simdutf::get_available_implementations()["westmere"];
    return sse ? sse->validate_utf8(b.text().data(), b.size) : validate_simdutf(b);
}

struct checked : copied {
    bool valid;

    explicit operator bool() const noexcept { return valid; }
};

checked parse_simdutf(const body &b) {
    checked result;
    std::memcpy(result.bytes, b.bytes, b.whole().size());
    result.valid = validate_simdutf(b);
    return result;
}

checked make_simdutf(const body &b) {
    checked result;
    std::memcpy(result.bytes + 2, b.text().data(), b.size);
    result.valid = validate_simdutf(b);
    return result;
}
#endif

#if HAVE_LWS
bool validate_lws(const body &b) {
    unsigned char state = 0;
    auto         *text  = reinterpret_cast<unsigned char *>(const_cast<char *>(b.text().data()));
    return lws_check_utf8(&state, text, b.size) == 0 && state == 0;
}
#endif

bool validate_beast(const body &b) { return boost::beast::websocket::detail::check_utf8(b.text().data(), b.size); }

bool validate_websocketpp(const body &b) {
    websocketpp::utf8_validator::validator validator;
    return validator.decode(b.text().begin(), b.text().end()) && validator.complete();
}

// The benchmarks

template <auto Contestant>
bool is_right(const body &b, bool valid) {
    const auto result = Contestant(b);
    if constexpr (std::is_constructible_v<bool, decltype(result)>)
        return static_cast<bool>(result) == valid;
    return true;
}

template <auto Contestant>
void measure(benchmark::State &state, const bodies &inputs, bool valid) {
    for (const body &each : inputs)
        if (!is_right<Contestant>(each, valid))
            state.SkipWithError("a wrong result");
    std::size_t i = 0;
    for (auto _ : state) {
        auto result = Contestant(inputs[i++ % inputs.size()]);
        benchmark::DoNotOptimize(result);
    }
}

struct contestant {
    const char *name;
    void (*measure)(benchmark::State &, const bodies &, bool valid);
};

constexpr contestant contestants[] = {
    {"nothing", measure<nothing>},
    {"memcpy", measure<copy>},
    {"validate wsclose", measure<validate>},
    {"validate Beast", measure<validate_beast>},
    {"validate websocketpp", measure<validate_websocketpp>},
    {"parse wsclose", measure<parse>},
    {"make wsclose", measure<make>},
    {"fit wsclose", measure<fit>},
#if HAVE_SIMDUTF
    {"validate simdutf", measure<validate_simdutf>},
    {"validate simdutf 16", measure<validate_simdutf_16>},
    {"parse simdutf", measure<parse_simdutf>},
    {"make simdutf", measure<make_simdutf>},
#endif
#if HAVE_LWS
    {"validate lws", measure<validate_lws>},
#endif
};

void add_cell(const script &kind, const error &with, std::size_t size) {
    const std::string cell = std::string(kind.name) + "/" + with.name + "/" + std::to_string(size) + "/";
    for (const contestant &each : contestants)
        benchmark::RegisterBenchmark((cell + each.name).c_str(), [=, &kind, &with](benchmark::State &state) {
            each.measure(state, make_bodies(kind, with, size), with.at == nullptr);
        });
}

} // namespace

int main(int argc, char **argv) {
    for (const script &kind : scripts)
        for (const error &with : errors)
            for (const std::size_t size : sizes)
                if (size != 0 || (&kind == scripts && &with == errors))
                    add_cell(kind, with, size);
    benchmark::AddCustomContext("Boost", BOOST_LIB_VERSION);
    benchmark::AddCustomContext("websocketpp", websocketpp::user_agent);
#if HAVE_SIMDUTF
    benchmark::AddCustomContext("simdutf",
                                SIMDUTF_VERSION " " + std::string(simdutf::get_active_implementation()->name()));
#endif
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
