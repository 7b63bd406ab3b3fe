// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Plays random scenarios between a program on lws and a raw peer, many at once, and holds after each
// what was on the wire against what was reported.
//
//   truth [--seconds N | --count N | --soak MINUTES] [--seed N] [--threads N] [--only SEED]
//
// --soak: once a minute it waits until no scenario is played, and prints what the process has. At the end, memory and
// descriptors must not have grown.
//
// theatre.hpp says what the environment may ask for.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "truth/soak.hpp"
#include "truth/theatre.hpp"

namespace truth {
namespace {

    struct options {
        double        seconds = 0;
        int           count   = 0;
        double        soak    = 0; ///< minutes
        int           threads = 300;
        std::uint64_t seed    = 1;
        bool          only    = false; ///< this seed, again and again
    };

    std::string transport_name() {
        const std::string below = over_http2()                                        ? "HTTP/2"
                                  : test::default_transport() == test::transport::tls ? "TLS"
                                                                                      : "TCP";
        return below + (with_deflate() ? ", permessage-deflate" : "");
    }

    /// Plays until the time is over, or `next` is the count.
    void play_for(const options &o, theatre &place, totals &all, std::atomic<int> &next) {
        const auto               begin = clock::now();
        std::vector<std::thread> threads;
        for (int t = 0; t < o.threads; ++t)
            threads.emplace_back([&] {
                for (;;) {
                    if (!o.count && clock::now() - begin > std::chrono::duration<double>(o.seconds))
                        return;
                    const int number = next++;
                    if (o.count && number >= o.count)
                        return;
                    const std::string wrong =
                        place.play_one(number,
                                       make_scenario(o.seed + (o.only ? 0 : static_cast<std::uint64_t>(number)),
                                                     over_http2(), with_deflate()),
                                       all);
                    const std::lock_guard<std::mutex> lock(all.mutex);
                    ++all.played;
                    all.wrong += !wrong.empty();
                    if (!wrong.empty())
                        all.add(("WRONG: " + wrong).c_str());
                }
            });
        for (std::thread &t : threads)
            t.join();
    }

    /// Plays for so many minutes. Returns whether all is sound, and nothing has grown since a fifth of the time.
    bool soak(options o, theatre &place, totals &all, std::atomic<int> &next) {
        const auto begin   = clock::now();
        const auto minutes = [&] { return std::chrono::duration<double>(clock::now() - begin).count() / 60; };
        lws_set_log_level(0, nullptr); // hostile peers would fill the log
        std::optional<vital_signs> warm, now;
        bool                       are_sound = true;
        o.seconds                            = std::min(45.0, o.soak * 60 / 6); // and then those that are on end
        do {
            play_for(o, place, all, next);
            place.settle();
            now.emplace();
            now->print(transport_name().c_str(), minutes());
            are_sound = are_sound && now->are_sound();
            if (!warm && minutes() > o.soak / 5)
                warm = now;
        } while (minutes() < o.soak);
        const bool grew = !now->have_not_grown_since(*warm);
        if (!are_sound || grew)
            std::printf("truth: %s%s\n", are_sound ? "" : "reports or sessions are missing; ",
                        grew ? "memory or descriptors have grown" : "");
        return are_sound && !grew;
    }

    int run(const options &o) {
        if (o.soak > 0)
            share_one_heap();
        theatre          place;
        totals           all;
        std::atomic<int> next{0};
        bool             is_sound = true;
        if (o.soak > 0)
            is_sound = soak(o, place, all, next);
        else
            play_for(o, place, all, next);
        std::printf("truth: lws %d.%d.%d, %s, seed %llu: %d scenarios, %d wrong\n", LWS_LIBRARY_VERSION_MAJOR,
                    LWS_LIBRARY_VERSION_MINOR, LWS_LIBRARY_VERSION_PATCH, transport_name().c_str(),
                    static_cast<unsigned long long>(o.seed), all.played, all.wrong);
        for (const auto &[what, count] : all.counts)
            std::printf("  %6d %s\n", count, what.c_str());
        const bool most_were_played = 2 * all.judged >= all.played; // in the others, the peer could not connect
        if (!most_were_played)
            std::printf("truth: only %d had a connection\n", all.judged);
        return all.wrong == 0 && most_were_played && is_sound ? 0 : 1;
    }

} // namespace
} // namespace truth

int main(int argc, char **argv) {
#ifndef LWS_ROLE_H2
    if (truth::over_http2()) {
        std::puts("truth: this lws has no HTTP/2");
        return 77; // skipped
    }
#endif
#if LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR < 1
    if (truth::over_http2()) {
        std::puts("truth: lws 4.0 takes no WebSocket over HTTP/2 from this peer");
        return 77; // skipped
    }
#endif
#if LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR < 5
    if (truth::over_http2() && truth::with_deflate()) {
        std::puts("truth: this lws has no extensions over HTTP/2");
        return 77; // skipped
    }
#endif
    truth::options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        const double      value  = std::atof(argv[i + 1]);
        if (option == "--seconds")
            o.seconds = value;
        else if (option == "--count")
            o.count = static_cast<int>(value);
        else if (option == "--soak")
            o.soak = value;
        else if (option == "--threads")
            o.threads = static_cast<int>(value);
        else if (option == "--seed")
            o.seed = static_cast<std::uint64_t>(value);
        else if (option == "--only") {
            o.seed = static_cast<std::uint64_t>(value);
            o.only = true;
        }
    }
    if (o.seconds <= 0 && o.count <= 0 && o.soak <= 0) {
        std::fprintf(
            stderr, "usage: truth [--seconds N | --count N | --soak MINUTES] [--seed N] [--threads N] [--only SEED]\n");
        return 2;
    }
    return truth::run(o);
}
