// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_BENCHMARKS_MEASURED_HPP_INCLUDED
#define WSCLOSE_BENCHMARKS_MEASURED_HPP_INCLUDED

// A part of a program whose time is taken, or whose instructions are counted under callgrind
// (callgrind.py); without valgrind's header they cannot be.

#include <chrono>

#if __has_include(<valgrind/callgrind.h>)
#    include <valgrind/callgrind.h>
#else
#    define CALLGRIND_START_INSTRUMENTATION
#    define CALLGRIND_STOP_INSTRUMENTATION
#    define CALLGRIND_TOGGLE_COLLECT
#    define RUNNING_ON_VALGRIND 0
#    define CALLGRIND_DUMP_STATS_AT(name) static_cast<void>(name)
#endif

namespace bench {

using clock = std::chrono::steady_clock;

inline double seconds_since(clock::time_point begin) {
    return std::chrono::duration<double>(clock::now() - begin).count();
}

/// Runs `task`, of which only what lies between two CALLGRIND_TOGGLE_COLLECT is counted, under `name`.
template <class Task>
void counted_within(const char *name, Task &&task) {
    CALLGRIND_START_INSTRUMENTATION;
    task();
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT(name);
}

/// Runs `task`, all of which is counted under `name`, and returns the seconds that it took.
template <class Task>
double measured(const char *name, Task &&task) {
    double seconds = 0;
    counted_within(name, [&] {
        CALLGRIND_TOGGLE_COLLECT;
        const auto begin = clock::now();
        task();
        seconds = seconds_since(begin);
        CALLGRIND_TOGGLE_COLLECT;
    });
    return seconds;
}

} // namespace bench

#endif // WSCLOSE_BENCHMARKS_MEASURED_HPP_INCLUDED
