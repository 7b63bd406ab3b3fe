// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Plays endings of WebSocket connections against any server or client, and says what it did, what RFC 6455 asks for,
// and how well that fits: check ws://HOST:PORT/PATH, or check --listen PORT. docs/checking.md says more.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "situation.hpp"
#include "target.hpp"
#include "text.hpp"

namespace {

using namespace check;

enum status { all_kept = 0, must_broken = 1, not_checked = 2 };

const char *const usage =
    "usage: check ws[s]://HOST[:PORT][/PATH][?QUERY] [OPTION...]    checks a server\n"
    "       check --listen [ADDRESS:]PORT [--tls] [OPTION...]       checks a client that connects time and again\n"
    "  --protocol NAME     the subprotocol to ask for; of a client: to agree to, in place of its first\n"
    "  --header 'A: B'     one more header of the request; may be repeated\n"
    "  --origin ORIGIN     the header Origin of the request\n"
    "  --text TEXT         what text messages say (hello)\n"
    "  --timeout SECONDS   how long to wait in each situation (6)\n"
    "  --wait SECONDS      how long to wait for a client to come back (30)\n"
    "  --only WORDS        only the situations with these words in their names\n"
    "  --json              one JSON object a line\n"
    "Status: 0 if no MUST of RFC 6455 is broken, 1 if one is, 2 if that could not be found out.\n";

/// The seconds in an argument; 0 if they make no sense.
double to_seconds(const std::string &text) {
    char        *end     = nullptr;
    const double seconds = std::strtod(text.c_str(), &end);
    return *end == '\0' && seconds > 0 && seconds < 86400 ? seconds : 0;
}

bool read_arguments(int count, char **arguments, options &asked) {
    for (int i = 1; i < count; ++i) {
        const std::string option = arguments[i];
        if (option == "--json" || option == "--tls") {
            (option == "--json" ? asked.json : asked.tls) = true;
            continue;
        }
        if (option.compare(0, 2, "--") != 0) {
            if (!asked.url.empty())
                return false;
            asked.url = option;
            continue;
        }
        if (++i == count)
            return false;
        const std::string value = arguments[i];
        if (option == "--timeout" || option == "--wait") {
            (option == "--wait" ? asked.wait : asked.timeout) = to_seconds(value);
        } else if (option == "--header") {
            asked.headers.push_back(value);
        } else {
            std::string *const into = option == "--listen"     ? &asked.listen
                                      : option == "--protocol" ? &asked.protocol
                                      : option == "--origin"   ? &asked.origin
                                      : option == "--text"     ? &asked.text
                                      : option == "--only"     ? &asked.only
                                                               : nullptr;
            if (!into || value.find_first_of("\r\n") != std::string::npos)
                return false;
            *into = value;
        }
    }
    for (const std::string &one : asked.headers)
        if (one.find(": ") == std::string::npos || one.find_first_of("\r\n") != std::string::npos)
            return false;
    return asked.url.empty() != asked.listen.empty() && asked.timeout > 0 && asked.wait > 0 &&
           asked.text.size() < 100 && (!asked.tls || !asked.listen.empty());
}

// ---- the table, or lines of JSON ----

const char *to_text(grade how) { return how == grade::good ? "good" : how == grade::poor ? "poor" : "broken"; }

/// Counts what was found, and prints it as it comes.
class results {
public:
    explicit results(bool json) : json_(json) {}

    void add(const situation &what, const observation &seen, const std::vector<finding> &found) {
        grade worst = grade::good;
        for (const finding &one : found)
            worst = std::max(worst, one.how);
        ++counts_[static_cast<int>(worst)];
        if (json_)
            print_json(what, seen, found, worst);
        else
            print_rows(what, seen, found, worst);
        std::fflush(stdout);
    }

    void sum_up(std::size_t planned, const std::string &stopped) const {
        const int played = counts_[0] + counts_[1] + counts_[2];
        if (json_) {
            std::printf("{\"event\":\"score\",\"good\":%d,\"poor\":%d,\"broken\":%d,\"played\":%d,\"planned\":%zu,"
                        "\"stopped\":%s}\n",
                        counts_[0], counts_[1], counts_[2], played, planned,
                        stopped.empty() ? "null" : in_quotes(stopped).c_str());
            return;
        }
        if (!stopped.empty())
            std::printf("\nSTOPPED: %s\n", stopped.c_str());
        std::printf("\nScore: %d of %d good, %d poor, %d broken%s\n", counts_[0], played, counts_[1], counts_[2],
                    stopped.empty()
                        ? ""
                        : ("; " + std::to_string(planned - static_cast<std::size_t>(played)) + " situations not played")
                              .c_str());
    }

    int  broken() const { return counts_[2]; }
    bool empty() const { return counts_[0] + counts_[1] + counts_[2] == 0; }

private:
    void print_rows(const situation &what, const observation &seen, const std::vector<finding> &found, grade worst) {
        if (rule_ != what.rule)
            std::printf("\n%s\n", what.rule);
        rule_                     = what.rule;
        const bool        is_wide = what.name.find("日") != std::string::npos; // two columns for three bytes
        const std::size_t columns = what.name.size() - (is_wide ? 1 : 0);
        std::printf("  %-6s  %s%s  %s\n", worst == grade::broken ? "BROKEN" : to_text(worst), what.name.c_str(),
                    std::string(columns < 39 ? 39 - columns : 0, ' ').c_str(), shown(what, seen).c_str());
        for (const finding &one : found)
            std::printf("          %s\n", one.text.c_str());
    }

    static void print_json(const situation &what, const observation &seen, const std::vector<finding> &found,
                           grade worst) {
        std::string line = "{\"event\":\"situation\",\"name\":" + in_quotes(what.name) + ",\"grade\":\"" +
                           to_text(worst) + "\",\"did\":" + in_quotes(shown(what, seen)) +
                           ",\"asks\":" + in_quotes(what.rule) + ",\"findings\":[";
        for (const finding &one : found)
            line += std::string(&one == &found[0] ? "" : ",") + "{\"grade\":\"" + to_text(one.how) +
                    "\",\"text\":" + in_quotes(one.text) + '}';
        std::printf("%s]}\n", line.c_str());
    }

    bool        json_;
    int         counts_[3] = {};
    const char *rule_      = nullptr; // the last one printed
};

void note(const options &asked, const std::string &text) {
    std::fprintf(asked.json ? stderr : stdout, "Note: %s.\n", text.c_str());
}

void begin(const options &asked, const target &under_check, std::size_t planned) {
    const bool        is_server = under_check.role() == wsclose::role::server;
    const char *const url       = under_check.name().c_str();
    if (asked.json)
        std::printf("{\"event\":\"begin\",\"role\":\"%s\",\"url\":%s,\"planned\":%zu}\n",
                    is_server ? "server" : "client", in_quotes(url).c_str(), planned);
    else if (is_server)
        std::printf("How %s ends its connections, in %zu situations.\n", url, planned);
    else
        std::printf("Waiting at %s for a client, %zu times. A browser gets a page that connects.\n", url, planned + 1);
    if (under_check.name().compare(0, 4, "wss:") == 0)
        note(asked, is_server ? "the server's certificate is not checked; a self-signed one will do"
                              : "the certificate is self-signed, and the client has to accept it");
    std::fflush(stdout);
}

/// Throws if the peer ends connections by itself: then nothing that it does is an answer.
void probe(target &under_check) {
    constexpr double       moment = 0.3; // seconds
    static const situation look{"nothing", {}, demand::survive, ""};
    test::raw_peer         we   = under_check.open(false);
    const observation      seen = play(we, under_check.role(), look, moment);
    if (seen.close() || seen.end != test::stream_end::never)
        throw no_websocket("it ends the connection by itself, so nothing can be played: " + shown(look, seen) +
                               "; let it stay connected, and send it what it needs (--header, --protocol)",
                           true);
}

/// Plays one situation after the other. Throws `no_websocket` if the next one cannot begin.
void play_all(const options &asked, target &under_check, const std::vector<situation> &all, results &so_far,
              std::string &last) {
    const bool is_client = under_check.role() == wsclose::role::client;
    if (is_client)
        begin(asked, under_check, all.size());
    probe(under_check);
    if (!is_client)
        begin(asked, under_check, all.size());
    if (!under_check.notes().empty())
        note(asked, under_check.notes());
    for (const situation &what : all) {
        test::raw_peer we      = under_check.open(what.how == delivery::with_the_101);
        last                   = what.name;
        const observation seen = play(we, under_check.role(), what, asked.timeout);
        so_far.add(what, seen, judge(what, seen, under_check.role()));
    }
    if (!is_client)
        under_check.open(false); // is it still there?
}

/// The status of the program.
int run(const options &asked, target &under_check, const std::vector<situation> &all) {
    results     so_far(asked.json);
    std::string last; // the situation that was played last
    try {
        play_all(asked, under_check, all, so_far, last);
        so_far.sum_up(all.size(), "");
    } catch (const no_websocket &why) {
        if (so_far.empty()) {
            std::fprintf(stderr, "check: %s\n", why.what());
            return not_checked;
        }
        const bool dead = under_check.role() == wsclose::role::server && !why.is_alive();
        so_far.sum_up(all.size(), "after \"" + last + "\": " + why.what());
        return dead || so_far.broken() > 0 ? must_broken : not_checked;
    }
    return so_far.broken() > 0 ? must_broken : all_kept;
}

} // namespace

int main(int count, char **arguments) {
    options asked;
    if (!read_arguments(count, arguments, asked)) {
        std::fputs(usage, stderr);
        return not_checked;
    }
    try {
        const auto             under_check = make_target(asked);
        std::vector<situation> all         = situations_for(under_check->role(), asked.text);
        all.erase(std::remove_if(all.begin(), all.end(),
                                 [&](const situation &one) { return one.name.find(asked.only) == std::string::npos; }),
                  all.end());
        if (all.empty()) {
            std::fprintf(stderr, "check: no situation has \"%s\" in its name\n", asked.only.c_str());
            return not_checked;
        }
        return run(asked, *under_check, all);
    } catch (const std::exception &why) {
        std::fprintf(stderr, "check: %s\n", why.what());
        return not_checked;
    }
}
