// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Plays endings of WebSocket connections, each with a program on bare libwebsockets, written as its
// documentation suggests, and with the same program on wsclose, and shows what the peer got on the wire and
// what the program was told. Everything runs in this process, on loopback; the peers are raw sockets. The
// exit status is 1 if wsclose breaks a promise.

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <wsclose/lws.hpp>

#include "situations.hpp"

namespace {

using behaviour::outcome;

struct ending {
    const char *name;
    const char *situation;
    bool        lws_is_client;
    const char *wire; // with wsclose; null if there is none
    const char *told; // with wsclose: how it begins
};

const ending endings[] = {
    {"nobody listens at the other end", "nobody listens there", true, nullptr, "not connected"},
    {"the server closes: 1000 bye", "with 1000 \"bye\", from the receive callback", false, "1000 \"bye\"",
     "closed cleanly by us: sent 1000 normal_closure \"bye\", received 1000 \"bye\""},
    {"the client closes: 1000 bye", "with 1000 \"bye\", from the receive callback", true, "1000 \"bye\"",
     "closed cleanly by us: sent 1000 normal_closure \"bye\", received 1000 \"bye\""},
    {"the peer closes: 1000 bye", "1000 \"bye\"", false, "1000 \"bye\"",
     "closed cleanly by the peer: received 1000 normal_closure \"bye\", sent 1000 \"bye\""},
    {"an application's code, in Japanese", "with an application's code and Japanese text", false, "4001 \"またね\"",
     "closed cleanly by us: sent 4001 \"またね\", received 4001 \"またね\""},
    {"a text of 151 bytes (x, 50 times 日)", "with a text of 151 bytes (x, 50 times 日)", false,
     "1000 \"x日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日\"",
     "closed cleanly by us: sent 1000 normal_closure \"x日日日"},
    {"a forbidden code: 1005", "with the code 1005", false, "1011 \"oops\"",
     "closed cleanly by us: sent 1011 internal_error \"oops\", received 1011 \"oops\""},
    {"a forbidden code: 5000", "with the code 5000", false, "1011 \"oops\"",
     "closed cleanly by us: sent 1011 internal_error \"oops\", received 1011 \"oops\""},
    {"a close from a timer", "from a timer, with `LWS_TO_KILL_ASYNC`: 4000 \"idle\"", false, "4000 \"idle\"",
     "closed cleanly by us: sent 4000 \"idle\", received 4000 \"idle\""},
    {"the peer sends half a code", "one byte", false, "1002 \"Close frame with half a code\"",
     "closed by the peer, not cleanly: received an invalid frame (truncated_code), sent 1002"},
    {"the peer sends the code 5000", "the code 5000", false, "1002 \"Close frame with a forbidden code\"",
     "closed by the peer, not cleanly: received an invalid frame (forbidden_code), sent 1002"},
    {"the peer's text is not UTF-8", "1000 and text that is not UTF-8", false,
     "1007 \"Close frame with text that is not UTF-8\"",
     "closed by the peer, not cleanly: received an invalid frame (invalid_utf8), sent 1007"},
    {"the peer does not answer", "the peer does not answer 1001 \"bye\"", false, "1001 \"bye\", after 5 s",
     "closed by us, not cleanly: sent 1001 going_away \"bye\", received nothing (no_answer)"},
    {"the peer ends the stream (FIN)", "the peer ends TCP (FIN)", false, "no Close frame",
     "closed by the transport, not cleanly: 1006 abnormal_closure (fin)"},
    {"the peer resets the stream", "the peer resets TCP", false, "no Close frame",
     "closed by the transport, not cleanly: 1006 abnormal_closure (reset)"},
};

// ---- the table ----

/// Cut or filled up to `width` columns of a terminal; CJK and kana take two.
std::string cell(std::string_view text, std::size_t width) {
    std::string out;
    std::size_t used = 0;
    while (!text.empty()) {
        const std::string_view letter = wsclose::utf8::prefix(text, text.size() < 4 ? text.size() : 4);
        const std::size_t      size   = wsclose::utf8::detail::first_sequence(letter).length;
        const std::size_t      wide   = size == 3 && static_cast<unsigned char>(text[0]) >= 0xE3 ? 2 : 1;
        if (used + wide > width - 3 && text.size() > size) {
            out += "...";
            used += 3;
            break;
        }
        out += text.substr(0, size);
        used += wide;
        text.remove_prefix(size);
    }
    return out + std::string(used < width ? width - used : 0, ' ');
}

void print_row(const std::string &first, const char *label, const std::string &a, const std::string &b) {
    std::string last = cell(b, 92);
    last.erase(last.find_last_not_of(' ') + 1);
    std::printf(" %s %-4s  %s  %s\n", cell(first, 36).c_str(), label, cell(a, 40).c_str(), last.c_str());
}

bool begins(const std::string &text, const char *beginning) {
    return text.compare(0, std::strlen(beginning), beginning) == 0;
}

} // namespace

int main() {
    std::vector<const behaviour::situation *> situations;
    for (const ending &e : endings)
        situations.push_back(&behaviour::find(e.situation, e.lws_is_client));
    const auto results = behaviour::play(situations);
    std::printf("How WebSocket connections end on libwebsockets %s: what the peer gets on the wire,\n"
                "and what the program is told.\n\n",
                LWS_LIBRARY_VERSION);
    print_row("ending", "", "plain lws", "wsclose");
    int broken = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const ending  &e    = endings[i];
        const outcome &bare = results[i][behaviour::plain], &own = results[i][behaviour::ours];
        std::printf("\n");
        if (e.wire)
            print_row(e.name, "wire", bare.wire, own.wire);
        print_row(e.wire ? "" : e.name, "told", bare.told, own.told);
        if ((e.wire && own.wire != e.wire) || !begins(own.told, e.told)) {
            std::printf("   BROKEN PROMISE: wsclose was to send %s and to report %s\n", e.wire ? e.wire : "nothing",
                        e.told);
            ++broken;
        }
    }
    std::printf("\n%zu endings, %d broken promises of wsclose.\n", results.size(), broken);
    return broken == 0 ? 0 : 1;
}
