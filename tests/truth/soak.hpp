// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_TRUTH_SOAK_HPP_INCLUDED
#define WSCLOSE_TESTS_TRUTH_SOAK_HPP_INCLUDED

// What a process that has played many scenarios has, while none is played.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <malloc.h>
#include <unistd.h>

#include "truth/program.hpp"

namespace truth {

/// To call first: each thread would keep memory of its own, and what is resident would say nothing.
inline void share_one_heap() { ::mallopt(M_ARENA_MAX, 1); }

struct vital_signs {
    long established = total.established, reported = total.reported, sessions = total.alive;
    long resident_kib = resident(), allocated_kib = allocated(), descriptors = open_descriptors();

    /// Reports are as many as connections, and no session is left.
    bool are_sound() const { return established == reported && sessions == 0; }

    /// Whether nothing has grown since `before`. What is resident varies by some MiB.
    bool have_not_grown_since(const vital_signs &before) const {
        return descriptors <= before.descriptors && allocated_kib <= before.allocated_kib + 64 &&
               resident_kib <= before.resident_kib + 16384;
    }

    void print(const char *what, double minutes) const {
        std::printf("%s: %5.1f min: %ld connections, %ld reports, %ld sessions left, %ld KiB allocated, %ld KiB "
                    "resident, %ld descriptors\n",
                    what, minutes, established, reported, sessions, allocated_kib, resident_kib, descriptors);
        std::fflush(stdout);
    }

private:
    static long resident() {
        ::malloc_trim(0); // or it would show what the threads had at their busiest
        long          size = 0, resident = 0;
        std::ifstream statm("/proc/self/statm");
        statm >> size >> resident;
        return resident * (::sysconf(_SC_PAGESIZE) / 1024);
    }
    static long allocated() {
#if __GLIBC_PREREQ(2, 33)
        const auto now = ::mallinfo2();
#else
        const auto now = ::mallinfo();
#endif
        return static_cast<long>((now.uordblks + now.hblkhd) / 1024);
    }
    static long open_descriptors() {
        return static_cast<long>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
    }
};

} // namespace truth

#endif // WSCLOSE_TESTS_TRUTH_SOAK_HPP_INCLUDED
