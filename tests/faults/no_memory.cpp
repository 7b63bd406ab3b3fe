// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Lets one allocation fail, the n-th for n = 1, 2, ..., while a connection opens, speaks, closes and is destroyed, and
// sees whether its report is right, and whether the next connection works. Each n has a process of its own, since
// lws may crash.
//
//   no_memory [--quick | --only TEXT]
//
// It ends with 1 if something went wrong in wsclose, and names what lws did not survive. --quick: only lws' own
// allocations, over TCP. Otherwise also every malloc() on the service thread (OpenSSL's, the C library's), and TLS.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <execinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wsclose/lws.hpp>

#include "support/frame.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

using namespace std::string_view_literals;

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#    define WSCLOSE_TEST_OWN_MALLOC 0
#else
#    define WSCLOSE_TEST_OWN_MALLOC 1
#endif

namespace {

// ---- allocations that fail

std::atomic<int>  left_until_failure{0}; // counts down; 0: none fails
std::atomic<bool> has_failed{false};
const char       *failed_for = ""; // what lws says of it
thread_local bool is_watched = false;

bool fails(const char *what) {
    if (left_until_failure == 0 || --left_until_failure != 0)
        return false;
    failed_for = what;
    has_failed = true;
    return true;
}

void *allocate_for_lws(void *pointer, std::size_t size, const char *reason) {
    if (size == 0) {
        std::free(pointer);
        return nullptr;
    }
    return fails(reason) ? nullptr : std::realloc(pointer, size);
}

} // namespace

#if WSCLOSE_TEST_OWN_MALLOC
extern "C" {
void *__libc_malloc(std::size_t);              // NOLINT(bugprone-reserved-identifier)
void *__libc_calloc(std::size_t, std::size_t); // NOLINT(bugprone-reserved-identifier)
void *__libc_realloc(void *, std::size_t);     // NOLINT(bugprone-reserved-identifier)
void *malloc(std::size_t size) noexcept { return is_watched && fails("malloc") ? nullptr : __libc_malloc(size); }
void *calloc(std::size_t count, std::size_t size) noexcept {
    return is_watched && fails("calloc") ? nullptr : __libc_calloc(count, size);
}
void *realloc(void *pointer, std::size_t size) noexcept {
    return is_watched && size != 0 && fails("realloc") ? nullptr : __libc_realloc(pointer, size);
}
}
#endif

namespace {

// ---- the program

struct counts { // nothing here allocates
    std::mutex              mutex;
    std::condition_variable changed;
    std::atomic<int>        established{0}, ended{0}, clean{0}, constructed{0}, destroyed{0};
    wsclose::close_report   last;

    template <class Change>
    void change(Change &&what) {
        const std::lock_guard<std::mutex> lock(mutex);
        what(*this);
        changed.notify_all();
    }
    template <class Done>
    bool wait_until(Done &&done) {
        std::unique_lock<std::mutex> lock(mutex);
        return changed.wait_for(lock, std::chrono::milliseconds(test::patience_ms), [&] { return done(*this); });
    }
} now;

struct session {
    wsclose::connection ws;

    static constexpr lws_usec_t close_timeout = 10 * LWS_US_PER_SEC; // the peer answers, but many run at once

    session() {
        now.change([](counts &c) { ++c.constructed; });
    }
    ~session() {
        now.change([](counts &c) { ++c.destroyed; });
    }
    void on_close(const wsclose::close_report &report) {
        now.change([&](counts &c) {
            ++c.ended;
            c.clean += report.clean();
            c.last = report;
        });
    }
};

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        now.change([](counts &c) { ++c.established; });
        test::set_option(static_cast<int>(lws_get_socket_fd(wsi)), SOL_SOCKET, SO_SNDBUF, 4096);
        break;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE: lws_callback_on_writable(wsi); break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE: {
        static unsigned char message[LWS_PRE + 200000]; // more than the socket takes
        if (static_cast<session *>(user)->ws.state() == wsclose::connection_state::open &&
            lws_write(wsi, message + LWS_PRE, sizeof message - LWS_PRE, LWS_WRITE_BINARY) < 0)
            return -1;
        static_cast<session *>(user)->ws.close(wsclose::close_code::going_away, "bye");
        break;
    }
    default: break;
    }
    return 0;
}

const lws_protocols protocols[] = {
    {"memory", wsclose::tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

// ---- one try

enum class whose { lws, process };

struct setting {
    const char     *name;
    whose           allocations;
    wsclose::role   here;
    test::transport how;
    bool            is_quick;
};

constexpr setting settings[] = {
    {"server, lws' allocations, TCP", whose::lws, wsclose::role::server, test::transport::tcp, true},
    {"client, lws' allocations, TCP", whose::lws, wsclose::role::client, test::transport::tcp, true},
    {"server, lws' allocations, TLS", whose::lws, wsclose::role::server, test::transport::tls, false},
    {"client, lws' allocations, TLS", whose::lws, wsclose::role::client, test::transport::tls, false},
#if WSCLOSE_TEST_OWN_MALLOC
    {"server, all of malloc(), TCP", whose::process, wsclose::role::server, test::transport::tcp, false},
    {"client, all of malloc(), TCP", whose::process, wsclose::role::client, test::transport::tcp, false},
    {"server, all of malloc(), TLS", whose::process, wsclose::role::server, test::transport::tls, false},
    {"client, all of malloc(), TLS", whose::process, wsclose::role::client, test::transport::tls, false},
#endif
};

/// The peer's side of a connection.
struct peer_side {
    bool        has_begun = false, saw_all = false;
    std::string close; // the body of the Close frame that came

    void run(test::raw_peer peer) {
        has_begun = true;
        peer.send_text("x");
        for (std::string next; (next = peer.read_frame()).size() >= 2;)
            if (const test::frame_view frame(next); frame.opcode() == 8) {
                close = frame.payload();
                peer.send_close(close);
            }
        saw_all = peer.end() == test::stream_end::fin;
    }
};

/// Plays the peer of a connection from its beginning to its end. Returns what went wrong.
std::string play_peer(peer_side &peer, test::lws_host &host, const setting &s) {
    const int            ended = now.ended;
    const test::listener from;
    try {
        if (s.here == wsclose::role::server) {
            peer.run(test::raw_peer::connect(host.port(), "memory", s.how));
        } else if (host.connect(from.port(), "memory")) {
            for (int i = 0; i < 800 && now.ended == ended && !peer.has_begun; ++i) // longer than lws' own limit
                if (from.has_caller_within(10))
                    peer.run(test::raw_peer::accept(from, "memory", s.how));
        }
        return peer.has_begun ? "" : "lws does not connect";
    } catch (const std::runtime_error &error) {
        return error.what();
    }
}

/// The connection for which an allocation fails. Returns what is wrong with its report.
std::string play_first(test::lws_host &host, const setting &s) {
    const int ended = now.ended, established = now.established;
    peer_side peer;
    play_peer(peer, host, s);
    if (!now.wait_until([=](counts &c) { return c.ended > ended || c.established == established; }))
        return "wrong: no report";
    const std::lock_guard<std::mutex> lock(now.mutex);
    if (!peer.close.empty() && !now.last.sent() && now.last.error().empty()) // lws may close what it calls failed
        return "wrong: a Close frame came, and sent() is null";
    if (peer.close.empty() && peer.saw_all && now.ended != ended && now.last.sent())
        return "wrong: no Close frame came, and sent() is one";
    return {};
}

/// A connection after that. OpenSSL may need one to forget the failure. Returns what is wrong.
std::string play_next(test::lws_host &host, const setting &s) {
    std::string why;
    for (int tries = 0; tries < 3; ++tries) {
        const int clean = now.clean, established = now.established;
        peer_side peer;
        why = play_peer(peer, host, s);
        if (why.empty())
            return now.wait_until([=](counts &c) { return c.clean > clean; })
                       ? tries ? "lws' next TLS handshake fails, and then it goes on" : ""
                       : "wrong: the next connection is not closed cleanly";
        if (s.how == test::transport::tcp || now.established != established)
            break;
    }
    return s.how == test::transport::tls ? "lws goes on without TLS: " + why : "wrong: of the next connection: " + why;
}

/// The n-th allocation fails. Returns what is wrong.
std::string play(const setting &s, int n) {
    std::string said;
    {
        test::host_options options;
        options.how       = s.how;
        options.timeout_s = 5;
        if (s.allocations == whose::lws)
            lws_set_allocator(allocate_for_lws);
        test::lws_host host(protocols, options);
        host.on_service_thread([&](lws_context *) { is_watched = s.allocations == whose::process; });
        left_until_failure = n;
        said               = play_first(host, s);
        left_until_failure = 0;
        if (said.empty())
            said = play_next(host, s);
        host.on_service_thread([](lws_context *) { is_watched = false; });
    }
    const int told = s.here == wsclose::role::client ? now.constructed : now.established;
    if (now.constructed != now.destroyed)
        return "wrong: a session is not destroyed";
    if (now.ended != told)
        return "wrong: " + std::to_string(told) + " connections, " + std::to_string(now.ended) + " reports";
    return said;
}

// ---- a process for each

/// Which functions were being called, the innermost first, and where: "lws_foo in lws < ...".
std::string where() {
    void       *frames[40];
    const int   depth = ::backtrace(frames, 40);
    std::string out;
    bool        is_behind_signal = false; // the C library's frame calls on_signal()
    for (int i = 0, told = 0; i < depth && told < 7; ++i) {
        Dl_info info{};
        if (!::dladdr(frames[i], &info) || !info.dli_fname)
            continue;
        const std::string_view file = info.dli_fname;
        const bool             of_c = file.find("libc.so") != file.npos;
        is_behind_signal            = is_behind_signal || of_c;
        if (of_c || !is_behind_signal)
            continue;
        out += std::string(told++ ? " < " : "") + (info.dli_sname ? info.dli_sname : "?") +
               (file.find("libwebsockets") != file.npos                             ? " in lws"
                : file.find("ssl") != file.npos || file.find("crypto") != file.npos ? " in OpenSSL"
                                                                                    : " in the program");
    }
    return out;
}

int result_pipe = -1;

void tell(const std::string &what) {
    if (::write(result_pipe, what.data(), what.size()) < 0)
        ::_exit(9);
}

extern "C" void on_signal(int signal) {
    left_until_failure = 0;
    tell(std::string(signal == SIGALRM ? "endless: " : "crash: ") + failed_for + ": " + where());
    ::_exit(4);
}

struct outcome {
    int         n;
    std::string what; ///< empty if all is well
    bool        happened = true;
};

/// A child that plays.
struct playing {
    int   n;
    pid_t child;
    int   result; ///< where to read it
};

/// Lets a child play. This process has one thread: else the child might inherit a lock that nobody releases, such as
/// AddressSanitizer's.
playing begin(const setting &s, int n) {
    int ends[2];
    if (::pipe(ends) != 0)
        throw std::runtime_error("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        result_pipe = ends[1];
        void *first[1];
        ::backtrace(first, 1); // which allocates the first time
        for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGALRM})
            std::signal(signal, on_signal);
        ::alarm(100);
        const std::string said = play(s, n);
        tell(!has_failed ? "none" : said.empty() ? "" : said + " (" + failed_for + ")");
        ::_exit(0);
    }
    ::close(ends[1]);
    return {n, child, ends[0]};
}

outcome wait_for(const playing &one) {
    std::string said;
    char        part[4096];
    for (ssize_t got; (got = ::read(one.result, part, sizeof part)) > 0;)
        said.append(part, static_cast<std::size_t>(got));
    ::close(one.result);
    int status = 0;
    ::waitpid(one.child, &status, 0);
    if (said.empty() && status != 0)
        said = "wrong: the process ended with status " + std::to_string(status);
    return {one.n, said == "none" ? "" : said, said != "none"};
}

/// The first hundred one by one, then one in so many: OpenSSL allocates thousands of times.
int number_of_try(int which) {
    int n = which;
    for (int i = 100; i < which; ++i)
        n += n / 40;
    return n;
}

int play_all(const setting &s) {
    constexpr std::size_t at_once = 8; // they wait most of the time
    std::deque<playing>   all;
    std::vector<outcome>  outcomes;
    int                   next    = 1;
    bool                  is_over = false;
    while (!is_over || !all.empty()) {
        while (!is_over && all.size() < at_once)
            all.push_back(begin(s, number_of_try(next++)));
        const outcome first = wait_for(all.front());
        all.pop_front();
        if (first.happened)
            outcomes.push_back(first);
        else
            is_over = true;
    }
    std::map<std::string, std::vector<int>> by_what;
    for (const outcome &o : outcomes)
        by_what[o.what].push_back(o.n);
    int wrong = 0;
    std::printf("%s: %zu allocations failed, one at a time; %zu times all was well\n", s.name, outcomes.size(),
                by_what[""].size());
    for (const auto &[what, numbers] : by_what)
        if (!what.empty()) {
            std::printf("  %zu x (n = %d ...) %s\n", numbers.size(), *std::min_element(numbers.begin(), numbers.end()),
                        what.c_str());
            wrong += what.rfind("wrong", 0) == 0 || what.find(" in the program < ") < what.find(" in lws");
        }
    std::fflush(stdout);
    return wrong;
}

} // namespace

int main(int argc, char **argv) {
    const bool  quick = argc == 2 && argv[1] == "--quick"sv;
    const char *only  = argc == 3 && argv[1] == "--only"sv ? argv[2] : "";
    test::certificate::self_signed().cert_file(); // once, for all children
    int wrong = 0;
    for (const setting &s : settings)
        if ((s.is_quick || !quick) && std::string_view(s.name).find(only) != std::string_view::npos)
            wrong += play_all(s);
    std::printf("no_memory: lws %s: %d wrong\n", LWS_LIBRARY_VERSION, wrong);
    return wrong != 0;
}
