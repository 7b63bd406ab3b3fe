// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_BENCHMARKS_STORM_HPP_INCLUDED
#define WSCLOSE_BENCHMARKS_STORM_HPP_INCLUDED

// Many connections of an lws context with itself, over loopback, all closed at once; what is common
// to the programs that differ in how they close. For one source file of a program.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "measured.hpp"

namespace storm {

inline constexpr int              code = 1001;
inline constexpr std::string_view text = "the server stops";
inline constexpr std::string_view body = "\x03\xE9the server stops"; // of the Close frame that they make

/// What happened, by the ends of connections: there are two for each connection.
struct counts {
    unsigned opened = 0;
    unsigned ended  = 0;
    unsigned full   = 0; ///< of those ended, whose two Close frames are known
    unsigned none   = 0; ///< of those ended, which are known to have had no Close frame
    unsigned frames = 0; ///< Close frames that lws put onto the wire
};
inline counts seen;

/// Called once for each end of a connection, with the bodies of its Close frames as the program knows them.
inline void ended(std::string_view sent, std::string_view received) {
    ++seen.ended;
    seen.full += sent == body && received == body;
    seen.none += sent.empty() && received.empty();
}

/// All connections of the process are clients' to its own server. A program that takes longer than a
/// limit is ended by SIGALRM.
class connections {
public:
    connections(const lws_protocols *protocols, unsigned count, unsigned most_seconds) : clients_(count) {
        alarm(most_seconds);
        allow_files(2 * count + 64);
        lws_set_log_level(LLL_ERR, nullptr);
        lws_context_creation_info info{};
        info.protocols  = protocols;
        info.gid        = static_cast<decltype(info.gid)>(-1);
        info.uid        = static_cast<decltype(info.uid)>(-1);
        info.port       = 0;
        info.iface      = "127.0.0.1";
        info.vhost_name = "storm";
        context_        = lws_create_context(&info);
        if (!context_)
            fail("no lws context");
        address_.context                   = context_;
        address_.vhost                     = lws_get_vhost_by_name(context_, info.vhost_name);
        address_.port                      = lws_get_vhost_listen_port(address_.vhost);
        address_.address                   = info.iface;
        address_.host                      = info.iface;
        address_.origin                    = info.iface;
        address_.path                      = "/";
        address_.protocol                  = protocols->name;
        address_.local_protocol_name       = protocols->name;
        address_.ietf_version_or_minus_one = -1;
    }
    connections(const connections &)            = delete;
    connections &operator=(const connections &) = delete;
    ~connections() { lws_context_destroy(context_); }

    void open() {
        for (lws *&client : clients_) {
            address_.pwsi = &client;
            if (!lws_client_connect_via_info(&address_))
                fail("cannot connect");
            const auto begun = static_cast<unsigned>(&client - clients_.data()) + 1;
            serve_until([&] { return seen.opened + 2 * most_at_a_time >= 2 * begun; });
        }
        serve_until([&] { return seen.opened == 2 * clients_.size(); });
    }

    /// What a peer does that ends its TCP connection and sends no Close frame.
    void end_streams_of_clients() {
        for (lws *const client : clients_)
            ::shutdown(lws_get_socket_fd(client), SHUT_WR);
    }

    template <class Condition>
    void serve_until(Condition &&holds) {
        while (!holds())
            if (lws_service(context_, 0) < 0)
                fail("lws_service()");
    }

    [[noreturn]] static void fail(const char *what) {
        std::fprintf(stderr, "%s failed: %u opened, %u ended\n", what, seen.opened, seen.ended);
        std::exit(1);
    }

private:
    static constexpr unsigned most_at_a_time = 64;

    /// No more than needed: Debian's lws goes through its table of them each time that it closes one.
    static void allow_files(rlim_t count) {
        rlimit files{};
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = count;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            fail("not so many files allowed; setrlimit()");
    }

    lws_context            *context_ = nullptr;
    lws_client_connect_info address_{};
    std::vector<lws *>      clients_;
};

inline double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/// A line of /proc/self/status: "VmRSS:" is the memory in use, "VmHWM:" the most that was.
inline long memory_kib(std::string_view name) {
    std::ifstream status("/proc/self/status");
    long          kib = 0;
    for (std::string word; status >> word && word != name;) {
    }
    status >> kib;
    return kib;
}

/// `PROGRAM server|clients|fin COUNT SECONDS`: who closes, how many connections, and the time limit.
/// `close_all(of_servers)` begins to close all connections from one end.
template <class CloseAll>
int run(const lws_protocols *protocols, char **arguments, CloseAll &&close_all) {
    const std::string_view who   = arguments[1];
    const auto             count = static_cast<unsigned>(std::atoi(arguments[2]));
    double                 cpu = 0, seconds = 0;
    long                   kib = 0;
    {
        connections all(protocols, count, static_cast<unsigned>(std::atoi(arguments[3])));
        kib = memory_kib("VmRSS:");
        all.open();
        kib     = memory_kib("VmRSS:") - kib;
        cpu     = cpu_seconds();
        seconds = bench::measured("close", [&] {
            if (who == "fin")
                all.end_streams_of_clients();
            else
                close_all(who == "server");
            all.serve_until([&] { return seen.ended >= 2 * count; });
        });
        cpu     = cpu_seconds() - cpu;
    } // nothing may end once more as the context is destroyed
    std::printf("{\"ended\": %u, \"known\": %u, \"frames\": %u, \"seconds\": %.6f, \"cpu\": %.6f, \"open_kib\": %ld, "
                "\"peak_kib\": %ld}\n",
                seen.ended, who == "fin" ? seen.none : seen.full, seen.frames, seconds, cpu, kib, memory_kib("VmHWM:"));
    return 0;
}

} // namespace storm

/// Stands before the C library's for lws, so that its Close frames are counted.
extern "C" ssize_t send(int socket, const void *data, std::size_t size, int flags) {
    storm::seen.frames += size > 1 && *static_cast<const unsigned char *>(data) == 0x88;
    return ::sendto(socket, data, size, flags, nullptr, 0);
}

/// The same for the time under valgrind, where everything takes so long that timeouts would run out: each
/// look at the clock takes a microsecond, and nothing else takes any time.
extern "C" int clock_gettime(clockid_t which, timespec *time) noexcept {
    static const auto real  = reinterpret_cast<decltype(&clock_gettime)>(dlsym(RTLD_NEXT, "clock_gettime"));
    static long       looks = 0;
    if (!RUNNING_ON_VALGRIND)
        return real(which, time);
    ++looks;
    *time = {1000 + looks / 1000000, looks % 1000000 * 1000};
    return 0;
}

#endif // WSCLOSE_BENCHMARKS_STORM_HPP_INCLUDED
