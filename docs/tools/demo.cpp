// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Plays endings of WebSocket connections, each with a program on bare libwebsockets, written as its
// documentation suggests, and with the same program on wsclose, and shows what the peer got on the wire and
// what the program was told. Everything runs in this process, on loopback; the peers are raw sockets. The
// exit status is 1 if wsclose breaks a promise.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

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
    {"nobody listens", "nobody listens there", true, nullptr, "not connected"},
    {"the server closes: 1000 bye", "with 1000 \"bye\", from the receive callback", false, "1000 \"bye\"",
     "closed cleanly by us: sent 1000 normal_closure \"bye\", received 1000 \"bye\""},
    {"the client closes: 1000 bye", "with 1000 \"bye\", from the receive callback", true, "1000 \"bye\"",
     "closed cleanly by us: sent 1000 normal_closure \"bye\", received 1000 \"bye\""},
    {"the peer closes: 1000 bye", "1000 \"bye\"", false, "1000 \"bye\"",
     "closed cleanly by the peer: received 1000 normal_closure \"bye\", sent 1000 \"bye\""},
    {"your own code, in Japanese", "with an application's code and Japanese text", false, "4001 \"またね\"",
     "closed cleanly by us: sent 4001 \"またね\", received 4001 \"またね\""},
    {"a text of 151 bytes", "with a text of 151 bytes (x, 50 times 日)", false,
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
    {"the peer ends TCP (FIN)", "the peer ends TCP (FIN)", false, "no Close frame",
     "closed by the transport, not cleanly: 1006 abnormal_closure (fin)"},
    {"the peer resets TCP", "the peer resets TCP", false, "no Close frame",
     "closed by the transport, not cleanly: 1006 abnormal_closure (reset)"},
};

// ---- the table ----

const char *const good = "\033[32m", *const bad = "\033[31m", *const plain_text = "";

struct column {
    std::size_t width;
    const char *colour; // of the text in it
    std::string text;
};

/// Columns of a terminal that the code point at the start of `text` takes; CJK and kana take two.
std::size_t columns_of(std::string_view letter) {
    return letter.size() == 3 && static_cast<unsigned char>(letter[0]) >= 0xE3 && letter != "\xEF\xBF\xBD" ? 2 : 1;
}

/// Takes from the start of `text` what fits into `width` columns, up to a space if there is one, and fills it up.
std::string take_line(std::string &text, std::size_t width) {
    std::size_t used = 0, size = 0, space = 0, until_space = 0;
    while (size < text.size()) {
        const std::string_view rest   = std::string_view(text).substr(size);
        const std::string_view letter = rest.substr(0, wsclose::utf8::detail::first_sequence(rest).length);
        if (used + columns_of(letter) > width)
            break;
        if (letter == " ") {
            space       = size;
            until_space = used;
        }
        used += columns_of(letter);
        size += letter.size();
    }
    const bool at_space = size < text.size() && text[size] != ' ' && space > 0;
    if (at_space) {
        size = space;
        used = until_space;
    }
    std::string line = text.substr(0, size);
    text.erase(0, size);
    text.erase(0, text.find_first_not_of(' ') == std::string::npos ? text.size() : text.find_first_not_of(' '));
    return line + std::string(width - used, ' ');
}

/// Text with a letter ten times or more in a row: the letter, "…" and the letter.
std::string shortened(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::string_view letter = text.substr(0, wsclose::utf8::detail::first_sequence(text).length);
        std::size_t            count  = 1;
        while (text.substr(count * letter.size(), letter.size()) == letter)
            ++count;
        const bool long_run = count >= 10;
        out.append(letter).append(long_run ? "…" : "");
        for (std::size_t i = 1; i < count; ++i)
            out += !long_run || i + 1 == count ? letter : "";
        text.remove_prefix(count * letter.size());
    }
    return out;
}

bool in_colour() {
    const char *const never = std::getenv("NO_COLOR"), *const always = std::getenv("CLICOLOR_FORCE");
    return (!never || !*never) && ((always && *always) || isatty(STDOUT_FILENO));
}

void print_row(std::string first, std::string label, column plain, column own) {
    static const bool     colours = in_colour();
    std::array<column, 4> cells{column{28, plain_text, std::move(first)}, column{4, plain_text, std::move(label)},
                                std::move(plain), std::move(own)};
    const auto            is_left = [](const column &c) { return !c.text.empty(); };
    while (std::any_of(cells.begin(), cells.end(), is_left)) {
        std::string line;
        for (column &c : cells) {
            std::string part = take_line(c.text, c.width);
            const auto  end  = part.find_last_not_of(' ') + 1;
            if (colours && *c.colour && end > 0)
                part = c.colour + part.substr(0, end) + "\033[0m" + part.substr(end);
            line += part + "  ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        std::printf(" %s\n", line.c_str());
    }
}

bool begins(const std::string &text, const char *beginning) {
    return text.compare(0, std::strlen(beginning), beginning) == 0;
}

/// One line of an ending: bad for plain lws if it is worse than with wsclose; bad for wsclose if it breaks a promise.
void print_line(const char *name, const char *label, const std::string &bare, const std::string &own, bool kept,
                bool better) {
    print_row(name, label, {31, better ? bad : plain_text, shortened(bare)},
              {54,
               !kept    ? bad
               : better ? good
                        : plain_text,
               shortened(own)});
}

} // namespace

int main() {
    std::vector<const behaviour::situation *> situations;
    for (const ending &e : endings)
        situations.push_back(&behaviour::find(e.situation, e.lws_is_client));
    const auto results = behaviour::play(situations);
    std::printf("How WebSocket connections end on libwebsockets %d.%d.%d: what the peer gets on the wire,\n"
                "and what the program is told.\n\n",
                LWS_LIBRARY_VERSION_MAJOR, LWS_LIBRARY_VERSION_MINOR, LWS_LIBRARY_VERSION_PATCH);
    print_line("ending", "", "plain lws", "wsclose", true, false);
    int broken = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const ending  &e    = endings[i];
        const outcome &bare = results[i][behaviour::plain], &own = results[i][behaviour::ours];
        std::printf("\n");
        const bool sent = !e.wire || own.wire == e.wire, told = begins(own.told, e.told);
        if (e.wire)
            print_line(e.name, "wire", bare.wire, own.wire, sent, bare.wire != own.wire);
        print_line(e.wire ? "" : e.name, "told", bare.told, own.told, told, begins(bare.told, "it is closed, not why"));
        if (!sent || !told) {
            std::printf("   BROKEN PROMISE: wsclose was to send %s and to report %s\n", e.wire ? e.wire : "nothing",
                        e.told);
            ++broken;
        }
    }
    std::printf("\n%zu endings, %d broken promises of wsclose.\n", results.size(), broken);
    return broken == 0 ? 0 : 1;
}
