// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A million clients lose one server, and come back: herd [FILE.svg]. Prints a table for docs/coming-back.md, and draws
// when they come. There are no sockets and no clocks, so it says the same on every machine. How others wait is as
// published in November 2026.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <wsclose/reconnect.hpp>

namespace {

constexpr std::uint32_t clients    = 1'000'000;
constexpr std::int64_t  seconds    = 600;
constexpr std::int64_t  tick       = 10; // ms
constexpr std::int64_t  down_until = 10; // s
constexpr std::uint32_t capacity   = 20'000;
constexpr std::int64_t  gives_up   = -1;

/// splitmix64: a random number for each number.
std::uint64_t random_from(std::uint64_t seed) {
    seed += 0x9E3779B97F4A7C15;
    seed = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9;
    seed = (seed ^ seed >> 27) * 0x94D049BB133111EB;
    return seed ^ seed >> 31;
}

struct client {
    std::uint64_t    id    = 0;
    std::uint32_t    tries = 0;
    wsclose::backoff backoff;

    std::uint64_t random() const { return random_from(id << 16 | tries); }
};

template <std::size_t Count>
std::int64_t from_table(const std::int64_t (&table)[Count], std::uint32_t tries, std::int64_t then) {
    return tries < Count ? table[tries] : then;
}

// Each returns the delay before the next try, in milliseconds.

std::int64_t lws_default(client &c) { return 3'000 + static_cast<std::int64_t>(c.random() % 900); }

std::int64_t lws_example(client &c) {
    static constexpr std::int64_t table[] = {1'000, 2'000, 3'000, 4'000, 5'000};
    const std::int64_t            delay   = from_table(table, c.tries, gives_up);
    return delay < 0 ? gives_up : delay + static_cast<std::int64_t>(c.random() % 1'000) * delay / 5'000; // up to 20 %
}

std::int64_t phoenix(client &c) {
    static constexpr std::int64_t table[] = {10, 50, 100, 150, 200, 250, 500, 1'000, 2'000};
    return from_table(table, c.tries, 5'000);
}

std::int64_t signalr(client &c) {
    static constexpr std::int64_t table[] = {0, 2'000, 10'000, 30'000};
    return from_table(table, c.tries, gives_up);
}

std::int64_t partysocket(client &c) {
    std::int64_t delay = 1'000 + static_cast<std::int64_t>(random_from(c.id) % 4'000);
    for (std::uint32_t i = 0; i < c.tries && delay < 10'000; ++i)
        delay = delay * 13 / 10;
    return std::min<std::int64_t>(delay, 10'000);
}

std::int64_t advised(client &c, wsclose::close_code code) {
    const auto first = c.tries == 0 ? code : wsclose::close_code::abnormal_closure; // then it is refused
    return c.backoff.next(wsclose::advise(first), c.tries == 0 ? 60'000 : 0, c.random());
}
std::int64_t after_death(client &c) { return advised(c, wsclose::close_code::abnormal_closure); }
std::int64_t after_restart(client &c) { return advised(c, wsclose::close_code::service_restart); }

struct herd {
    const char *name;
    std::int64_t (*next_delay)(client &);
    std::int64_t window     = 0; // s, over which the server closes; it is replaced at once then
    std::int64_t down_until = ::down_until;
};

constexpr herd herds[] = {
    {"lws, no table (3 s + 30 %), for ever", lws_default},
    {"lws, table of its example (1 to 5 s + 20 %, 5 tries)", lws_example},
    {"Phoenix.js (10 ms to 2 s in 9 steps, then 5 s)", phoenix},
    {"SignalR (0, 2, 10, 30 s, 4 tries)", signalr},
    {"partysocket (1 to 5 s, x 1.3, at most 10 s)", partysocket},
    {"wsclose, server died (1006)", after_death},
    {"wsclose, all closed with 1012 at once", after_restart},
    {"wsclose, 1012 over 60 s, next server is up", after_restart, 60, 0},
};

struct result {
    std::vector<std::uint32_t> arrivals = std::vector<std::uint32_t>(seconds); // per second
    std::uint64_t              tries    = 0;
    std::uint32_t              back     = 0;
    std::uint32_t              gone     = 0; // they gave up
    std::int64_t               all_back = 0; // s; 0: not all
};

/// The clients that try in each tick, as linked lists.
class schedule {
public:
    void add(std::uint32_t id, std::int64_t at) {
        const auto slot = static_cast<std::size_t>(at / tick);
        if (slot < first_.size()) {
            next_[id]    = first_[slot];
            first_[slot] = id;
        }
    }
    std::uint32_t first(std::size_t slot) const { return first_[slot]; }
    std::uint32_t next(std::uint32_t id) const { return next_[id]; }

private:
    std::vector<std::uint32_t> first_ = std::vector<std::uint32_t>(seconds * 1'000 / tick, clients); // which is nobody
    std::vector<std::uint32_t> next_  = std::vector<std::uint32_t>(clients);
};

result play(const herd &what) {
    result              seen;
    std::vector<client> all(clients);
    schedule            due;
    const auto          plan = [&](std::uint32_t id, std::int64_t now) {
        const std::int64_t delay = what.next_delay(all[id]);
        ++all[id].tries;
        if (delay == gives_up)
            ++seen.gone;
        else
            due.add(id, now + std::max(delay, tick)); // it takes a moment to be refused
    };
    for (std::uint32_t id = 0; id < clients; ++id) {
        all[id].id = id;
        plan(id, what.window * 1'000 * id / clients);
    }
    for (std::int64_t now = 0; now < seconds * 1'000; now += tick) {
        const auto    second = static_cast<std::size_t>(now / 1'000);
        std::uint32_t next   = clients;
        for (std::uint32_t id = due.first(static_cast<std::size_t>(now / tick)); id != clients; id = next) {
            next = due.next(id);
            ++seen.tries;
            if (++seen.arrivals[second] > capacity || now < what.down_until * 1'000)
                plan(id, now);
            else if (++seen.back == clients)
                seen.all_back = now / 1'000 + 1;
        }
    }
    return seen;
}

void print(const herd &what, const result &seen) {
    const std::string end = seen.all_back > 0 ? std::to_string(seen.all_back) + " s"
                                              : "never: " + std::to_string(seen.gone * 100ULL / clients) + " % gave up";
    std::printf("| %s | %u | %s | %.1f |\n", what.name, *std::max_element(seen.arrivals.begin(), seen.arrivals.end()),
                end.c_str(), static_cast<double>(seen.tries - seen.back) / clients);
}

constexpr int panel_height = 64, panel_width = 600, margin = 8;

/// One panel: arrivals per second, on a logarithmic scale from 100 to 1,000,000.
std::string panel(const herd &what, const result &seen, int top) {
    const int   bottom = top + panel_height - 20;
    std::string path   = "M" + std::to_string(margin) + " " + std::to_string(bottom);
    int         before = bottom;
    for (std::int64_t second = 0; second < seconds; ++second) {
        const double height = std::log10(std::max(seen.arrivals[static_cast<std::size_t>(second)], 100U)) - 2;
        const int    y      = bottom - static_cast<int>(std::lround(height / 4 * (panel_height - 24)));
        if (y != before)
            path += "H" + std::to_string(margin + second) + "V" + std::to_string(y);
        before = y;
    }
    path += "H" + std::to_string(margin + seconds) + "V" + std::to_string(bottom) + "Z";
    std::string text = what.name;
    for (std::size_t at; (at = text.find('&')) != std::string::npos;)
        text.replace(at, 1, "and");
    return "<path class=\"area\" d=\"" + path + "\"/>\n<text x=\"" + std::to_string(margin + 290) + "\" y=\"" +
           std::to_string(top + 12) + "\">" + text + "</text>\n";
}

void draw(const char *file, const std::vector<result> &results) {
    const int     height = static_cast<int>(results.size()) * panel_height + 24;
    std::ofstream out(file);
    out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << panel_width + 2 * margin << ' ' << height
        << "\">\n<style>text{font:11px sans-serif;fill:#888}.area{fill:#4a90d9}line{stroke:#888}</style>\n";
    for (std::size_t i = 0; i < results.size(); ++i)
        out << panel(herds[i], results[i], static_cast<int>(i) * panel_height);
    for (std::int64_t second = 0; second <= seconds; second += 60)
        out << "<line x1=\"" << margin + second << "\" x2=\"" << margin + second << "\" y1=\"" << height - 40
            << "\" y2=\"" << height - 32 << "\"/>\n<text x=\""
            << margin + second -
                   (second == seconds ? 24
                    : second > 0      ? 12
                                      : 4)
            << "\" y=\"" << height - 18 << "\">" << second << (second > 0 ? " s" : "") << "</text>\n";
    out << "<text x=\"" << margin << "\" y=\"" << height - 4
        << "\">tries per second, from 100 to 1,000,000 on a logarithmic scale</text>\n</svg>\n";
}

} // namespace

int main(int count, char **arguments) {
    std::printf("| client | most tries in one second | all are back after | wasted tries per client |\n"
                "|---|---|---|---|\n");
    std::vector<result> results;
    for (const herd &what : herds) {
        results.push_back(play(what));
        print(what, results.back());
    }
    if (count > 1)
        draw(arguments[1], results);
}
