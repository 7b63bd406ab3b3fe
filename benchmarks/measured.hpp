// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_BENCHMARKS_MEASURED_HPP_INCLUDED
#define WSCLOSE_BENCHMARKS_MEASURED_HPP_INCLUDED

// Measures the time of a part of a program, or its instructions under callgrind (callgrind.py). Instructions
// need valgrind's header.

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

/// Runs `task`, counts its instructions under `name`, and returns the seconds that it took.
template <class Task>
double measured(const char *name, Task &&task) {
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_TOGGLE_COLLECT;
    const auto begin = clock::now();
    task();
    const double seconds = std::chrono::duration<double>(clock::now() - begin).count();
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT(name);
    return seconds;
}

} // namespace bench

#endif // WSCLOSE_BENCHMARKS_MEASURED_HPP_INCLUDED
