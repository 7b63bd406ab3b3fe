// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server goes down: how evenly its clients are closed. The clients are sockets of another process, over loopback;
// they answer the Close frame and note when it came. Some may leave by themselves meanwhile.
//
// `drain COUNT WINDOW LEAVING` (in seconds; percent). A window of 0 is close_all(), as a drain would do at once.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <wsclose/lws.hpp>

namespace {

constexpr unsigned most_seconds = 300; // SIGALRM then ends both processes

[[noreturn]] void fail(const char *what) {
    std::perror(what);
    std::exit(1);
}

/// What both processes see.
struct shared {
    volatile std::uint64_t begin;         ///< of the drain; 0 before that
    std::uint64_t          ended[100000]; ///< when each client was closed or left
};

std::uint64_t now_us() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1000000 + static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}

/// No more than needed: Debian's lws goes through its table of them each time that it closes one.
void allow_files(rlim_t count) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = count;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        fail("not so many files allowed; setrlimit()");
}

/// A line of /proc/self/status: "VmRSS:" is the memory in use, "VmHWM:" the most that was.
long memory_kib(std::string_view name) {
    std::ifstream status("/proc/self/status");
    long          kib = 0;
    for (std::string word; status >> word && word != name;) {
    }
    status >> kib;
    return kib;
}

// ---- the clients

const std::string request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Protocol: drain\r\n\r\n";

int open_client(std::uint16_t port) {
    const int   client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family      = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port        = htons(port);
    if (client < 0 || ::connect(client, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0)
        fail("connect()");
    if (::send(client, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
        fail("send()");
    std::string head;
    for (char bytes[512]; head.find("\r\n\r\n") == std::string::npos;) {
        const ssize_t got = ::recv(client, bytes, sizeof bytes, 0);
        if (got <= 0)
            fail("recv()");
        head.append(bytes, static_cast<std::size_t>(got));
    }
    return client;
}

/// What can be read is a Close frame, or the end.
bool read_client(int client, std::uint64_t &ended) {
    unsigned char frame[256];
    const ssize_t got = ::recv(client, frame, sizeof frame, 0);
    if (got <= 0) {
        ::close(client);
        return false;
    }
    if (ended == 0) {
        ended                        = now_us();
        const unsigned char answer[] = {0x88, 0x82, 0, 0, 0, 0, frame[2], frame[3]};
        if (::send(client, answer, sizeof answer, MSG_NOSIGNAL) < 0)
            fail("send()");
    }
    return true;
}

/// Plays the clients until all have ended. `leaving` percent of them close by themselves, spread over the window.
[[noreturn]] void play_clients(shared &seen, std::uint16_t port, unsigned count, std::uint64_t window_us,
                               unsigned leaving) {
    const int                                       poll = ::epoll_create1(EPOLL_CLOEXEC);
    std::mt19937_64                                 random(1); // NOLINT: the same in each run
    std::vector<std::pair<std::uint64_t, unsigned>> leaves;    // when after the begin, and who
    std::vector<int>                                clients;
    for (unsigned i = 0; i < count; ++i) {
        clients.push_back(open_client(port));
        epoll_event event{};
        event.events   = EPOLLIN;
        event.data.u32 = i;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, clients.back(), &event);
        if (random() % 100 < leaving)
            leaves.emplace_back(random() % (window_us + 1), i);
    }
    std::sort(leaves.rbegin(), leaves.rend()); // the first one is at the back
    for (unsigned left = count; left > 0;) {
        epoll_event events[256];
        const int   ready = ::epoll_wait(poll, events, 256, 1);
        for (int i = 0; i < ready; ++i)
            left -= !read_client(clients[events[i].data.u32], seen.ended[events[i].data.u32]);
        for (; seen.begin && !leaves.empty() && seen.begin + leaves.back().first <= now_us(); leaves.pop_back()) {
            const unsigned who = leaves.back().second;
            if (seen.ended[who] != 0) // closed already
                continue;
            seen.ended[who]           = now_us();
            const unsigned char bye[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9};
            ::send(clients[who], bye, sizeof bye, MSG_NOSIGNAL);
        }
    }
    std::exit(0);
}

// ---- the server

wsclose::connection_list everyone;
wsclose::drain           going_down;
unsigned                 opened = 0, clean = 0;

struct session {
    wsclose::connection             ws;
    wsclose::connection_list::entry listed;

    void on_close(const wsclose::close_report &report) { clean += report.clean(); }
};

int callback_drain(lws *, lws_callback_reasons reason, void *user, void *, std::size_t) {
    auto *const s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED)
        opened += everyone.add(s->ws, s->listed);
    return 0;
}

const lws_protocols protocols[] = {
    {"drain", wsclose::tracked<callback_drain, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

lws_context *make_context() {
    lws_set_log_level(LLL_ERR, nullptr);
    lws_context_creation_info info{};
    info.protocols             = protocols;
    info.gid                   = static_cast<decltype(info.gid)>(-1);
    info.uid                   = static_cast<decltype(info.uid)>(-1);
    info.iface                 = "127.0.0.1";
    info.vhost_name            = "drain";
    lws_context *const context = lws_create_context(&info);
    if (!context)
        fail("no lws context");
    return context;
}

/// The most events within any time of that length.
std::size_t peak(const std::vector<std::uint64_t> &times, std::uint64_t length) {
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
        while (times[last] - times[first] >= length)
            ++first;
        most = std::max(most, last - first + 1);
    }
    return most;
}

void print(const shared &seen, unsigned count) {
    std::vector<std::uint64_t> times(seen.ended, seen.ended + count);
    std::sort(times.begin(), times.end());
    std::printf("\"last_s\": %.3f, \"peak_1s\": %zu, \"peak_100ms\": %zu, ",
                static_cast<double>(times.back() - seen.begin) / 1e6, peak(times, 1000000), peak(times, 100000));
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

} // namespace

int main(int, char **arguments) {
    const auto number  = [&](int i) { return static_cast<unsigned>(std::atoi(arguments[i])); };
    const auto count   = number(1);
    const auto window  = lws_usec_t{number(2)} * LWS_US_PER_SEC;
    const auto leaving = number(3);
    allow_files(count + 64);
    void *const memory = ::mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || count == 0 || count > sizeof shared::ended / sizeof *shared::ended)
        fail("mmap()");
    shared &seen = *static_cast<shared *>(memory);

    lws_context *const context = make_context();
    const auto  port = static_cast<std::uint16_t>(lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "drain")));
    const pid_t clients = ::fork();
    alarm(most_seconds);
    if (clients == 0)
        play_clients(seen, port, count, static_cast<std::uint64_t>(window), leaving);

    while (opened < count && lws_service(context, 0) >= 0) {
    }
    const long   before = memory_kib("VmRSS:");
    const double cpu    = cpu_seconds();
    seen.begin          = now_us();
    if (window == 0)
        everyone.close_all(wsclose::close_code::going_away, "the server stops");
    else
        going_down.start(everyone, window, window + 10 * LWS_US_PER_SEC, wsclose::close_code::going_away,
                         "the server stops");
    const std::uint64_t start_us = now_us() - seen.begin;
    while (!everyone.empty() && lws_service(context, 0) >= 0) {
    }
    const double used     = cpu_seconds() - cpu;
    const long   peak_kib = memory_kib("VmHWM:");
    int          status   = 0;
    if (::waitpid(clients, &status, 0) != clients || status != 0)
        fail("the clients");
    std::printf("{");
    print(seen, count);
    std::printf("\"start_us\": %llu, \"clean\": %u, \"cpu\": %.3f, \"open_kib\": %ld, \"peak_kib\": %ld}\n",
                static_cast<unsigned long long>(start_us), clean, used, before, peak_kib);
    lws_context_destroy(context);
    return 0;
}
