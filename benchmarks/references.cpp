// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// What references to live connections cost: `PROGRAM CONNECTIONS REFERENCES SECONDS`, with so many to
// each connection. Prints the seconds of all that it did, by name.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <vector>

#include <wsclose/lws.hpp>

#include "storm.hpp"

struct session {
    wsclose::connection ws;

    void on_close(const wsclose::close_report &) { ++storm::seen.ended; }
};

static std::vector<wsclose::connection *> targets; // the server's ends

static int callback(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        ++storm::seen.opened;
    if (reason == LWS_CALLBACK_ESTABLISHED)
        targets.push_back(&static_cast<session *>(user)->ws);
    return 0;
}

using references = std::vector<wsclose::connection_ref>;

static void attach(references &all, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        all.emplace_back(*targets[i % targets.size()]);
}

/// Attaches and detaches them all until it was done often enough to take the time of. Returns the
/// seconds of the attaching.
static double attach_and_detach(const char *name, references &all, const std::vector<std::size_t> &order) {
    const std::size_t most    = RUNNING_ON_VALGRIND ? 1 : 200'000;
    std::size_t       rounds  = 0;
    double            seconds = 0, attaching = 0;
    do {
        attaching += bench::measured("attach", [&] { attach(all, order.size()); });
        seconds += bench::measured(name, [&] {
            for (const std::size_t i : order)
                all[i].reset();
        });
        all.clear();
    } while (++rounds * order.size() < most && !order.empty());
    const auto all_rounds = static_cast<double>(rounds);
    std::printf("\"%s\": %.9f, ", name, seconds / all_rounds);
    return attaching / all_rounds;
}

// Links of a connection's that end just before its references do, and just after.
static bench::clock::time_point begun;
static double                   ending = 0;

static void before_references(wsclose::detail::link &) noexcept {
    begun = bench::clock::now();
    CALLGRIND_TOGGLE_COLLECT;
}

static void after_references(wsclose::detail::link &) noexcept {
    CALLGRIND_TOGGLE_COLLECT;
    ending += bench::seconds_since(begun);
}

static void end_all(storm::connections &connections, references &all, std::size_t count) {
    std::deque<wsclose::detail::link> links; // the one that was attached last ends first
    for (wsclose::connection *target : targets)
        links.emplace_back(after_references).attach(target);
    attach(all, count);
    for (wsclose::connection *target : targets)
        links.emplace_back(before_references).attach(target);
    bench::counted_within("end", [&] {
        for (wsclose::connection *target : targets)
            target->close(wsclose::close_code::normal_closure);
        connections.serve_until([] { return storm::seen.ended == 2 * targets.size(); });
    });
    const auto still = std::count_if(all.begin(), all.end(), [](const auto &ref) { return static_cast<bool>(ref); });
    std::printf("\"end\": %.9f, \"still attached\": %ld}\n", ending, static_cast<long>(still));
}

int main(int, char **arguments) {
    static const lws_protocols protocols[] = {
        {"references", wsclose::tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
        {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
    const auto         count = static_cast<unsigned>(std::atoi(arguments[1]));
    storm::connections connections(protocols, count, static_cast<unsigned>(std::atoi(arguments[3])));
    connections.open();

    std::vector<std::size_t> order(count * static_cast<std::size_t>(std::atol(arguments[2])));
    references               all;
    all.reserve(order.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::printf("{");
    attach_and_detach("detach, oldest first", all, order);
    std::reverse(order.begin(), order.end());
    attach_and_detach("detach, newest first", all, order);
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    std::printf("\"attach\": %.9f, ", attach_and_detach("detach, in random order", all, order));
    end_all(connections, all, order.size());
}
