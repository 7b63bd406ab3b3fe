// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// measure [ROUNDS]: plays every situation ROUNDS times (default: once) and prints the outcomes as JSON, one
// line for each situation. If the rounds differ, the line has all outcomes.

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <libwebsockets.h>

#include "situations.hpp"

namespace {

using behaviour::outcome;

std::string in_quotes(const std::string &text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c; // control characters are escaped already, or not there
    }
    return out + '"';
}

std::string to_json(std::vector<outcome> outcomes) {
    std::sort(outcomes.begin(), outcomes.end(),
              [](const outcome &a, const outcome &b) { return a.wire + a.told < b.wire + b.told; });
    std::string out;
    for (const outcome &o : outcomes)
        out +=
            (out.empty() ? "" : ", ") + ("{\"wire\": " + in_quotes(o.wire) + ", \"told\": " + in_quotes(o.told) + '}');
    return '[' + out + ']';
}

} // namespace

int main(int count, char **arguments) {
    const int                                        rounds = count > 1 ? std::atoi(arguments[1]) : 1;
    std::vector<const behaviour::situation *>        all;
    std::vector<std::array<std::vector<outcome>, 2>> seen(behaviour::situations().size());
    for (const behaviour::situation &s : behaviour::situations())
        all.push_back(&s);
    for (int round = 0; round < rounds; ++round) {
        const auto results = behaviour::play(all);
        for (std::size_t i = 0; i < all.size(); ++i)
            for (const auto which : {behaviour::plain, behaviour::ours})
                if (auto &before = seen[i][which];
                    std::find(before.begin(), before.end(), results[i][which]) == before.end())
                    before.push_back(results[i][which]);
    }
    std::printf("{\"lws\": \"%d.%d.%d\", \"situations\": [\n", LWS_LIBRARY_VERSION_MAJOR, LWS_LIBRARY_VERSION_MINOR,
                LWS_LIBRARY_VERSION_PATCH);
    for (std::size_t i = 0; i < all.size(); ++i)
        std::printf("{\"section\": %s, \"name\": %s, \"lws\": \"%s\", \"plain\": %s, \"wsclose\": %s}%s\n",
                    in_quotes(all[i]->section).c_str(), in_quotes(all[i]->name).c_str(),
                    all[i]->lws_is_client ? "client" : "server", to_json(seen[i][behaviour::plain]).c_str(),
                    to_json(seen[i][behaviour::ours]).c_str(), i + 1 < all.size() ? "," : "");
    std::printf("]}\n");
    return 0;
}
