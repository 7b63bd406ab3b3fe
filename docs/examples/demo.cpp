// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Goes through endings of WebSocket connections, each with a server and a client on bare
// libwebsockets, written as its documentation suggests, and with the same on wsclose, and shows what
// came of it: what the peer got on the wire, and what the program was told. All in this process, on
// loopback; the peers that misbehave are raw sockets. Status 1 where wsclose breaks its word.

#include <array>
#include <cstdio>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <wsclose/lws.hpp>

#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

namespace {

enum flavour { plain, ours };
constexpr const char *protocol_of[] = {"plain", "wsclose"};

// What the programs were told, by ending and flavour. Ending 0 is the one in which no message ever
// comes to say which ending it is.
constexpr std::size_t                                   max_endings = 32;
std::array<std::array<test::event_log, 2>, max_endings> told;

// A message that says which ending this is and asks for a close: number, how, code, text.
struct request {
    std::size_t ending    = 0;
    char        how[8]    = {}; // close, timer, or note: nothing to do
    unsigned    code      = 0;
    char        text[200] = {};

    explicit request(const std::string &message) {
        std::sscanf(message.c_str(), "%zu %7s %u %199[^\n]", &ending, how, &code, text);
    }
    bool is(const char *what) const { return std::strcmp(how, what) == 0; }
};

// `1000 "bye"`, whatever the code and the bytes of the text.
std::string shown(unsigned code, std::string_view text) {
    const wsclose::text_line quoted(wsclose::close_frame::fit(wsclose::close_code{4000}, text)); // 4000 "..."
    return std::to_string(code).append(quoted.view().substr(4));
}

// ---- bare lws: a C struct for a session, lws_close_reason() and return -1 ----

struct plain_session {
    std::size_t ending;
    bool        informed;
    unsigned    code;
    char        text[200];
};

int plain_close(lws *wsi, unsigned code, char *text) {
    lws_close_reason(wsi, static_cast<lws_close_status>(code), reinterpret_cast<unsigned char *>(text),
                     std::strlen(text));
    return -1;
}

int plain_callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    plain_session *s = static_cast<plain_session *>(user);
    switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE:
    case LWS_CALLBACK_RECEIVE: {
        request asked(std::string(static_cast<const char *>(in), len));
        s->ending = asked.ending;
        if (asked.is("close"))
            return plain_close(wsi, asked.code, asked.text);
        if (asked.is("timer")) { // "to close from outside a callback", lws' documentation says:
            plain_close(wsi, asked.code, asked.text);
            lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        }
        break;
    }
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
        const unsigned char *body = static_cast<unsigned char *>(in);
        s->informed               = true;
        told[s->ending][plain].add(len < 2 ? std::to_string(len) + " byte(s) from the peer"
                                           : "peer: " +
                                                 shown(static_cast<unsigned>(body[0] << 8 | body[1]),
                                                       std::string_view(static_cast<const char *>(in) + 2, len - 2)));
        break;
    }
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLOSED:
        if (!s->informed)
            told[s->ending][plain].add("it is closed, not why");
        break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        told[s->ending][plain].add("error: " + std::string(static_cast<const char *>(in), in ? len : 0));
        break;
    default: break;
    }
    return 0;
}

// ---- wsclose ----

struct session {
    wsclose::connection    close;
    std::size_t            ending = 0;
    unsigned               code   = 0;
    std::string            text;
    lws_sorted_usec_list_t timer = {};

    ~session() { lws_dll2_remove(&timer.list); }

    void on_close(const wsclose::close_report &report) {
        told[ending][ours].add(std::string(wsclose::text_line(report).view()));
    }
};

void on_timer(lws_sorted_usec_list_t *timer) {
    session *s = lws_container_of(timer, session, timer);
    s->close.start(static_cast<wsclose::close_code>(s->code), s->text);
}

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_CLIENT_RECEIVE) {
        const request asked(std::string(static_cast<const char *>(in), len));
        s->ending = asked.ending;
        s->code   = asked.code;
        s->text   = asked.text;
        if (asked.is("close"))
            s->close.start(static_cast<wsclose::close_code>(s->code), s->text);
        if (asked.is("timer"))
            lws_sul_schedule(lws_get_context(wsi), 0, &s->timer, on_timer, LWS_US_PER_MS);
    }
    return 0;
}

const lws_protocols protocols[] = {
    {"plain", plain_callback, sizeof(plain_session), 0, 0, nullptr, 0},
    {"wsclose", wsclose::tracked<callback, &session::close>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

// ---- the endings ----

using test::raw_peer;

/// What a raw peer saw of an ending.
std::string on_the_wire(const test::rest_of_stream &seen) {
    std::string out = "no Close frame";
    if (seen.bytes.size() >= 2 && static_cast<unsigned char>(seen.bytes[0]) == 0x88) {
        const std::string_view body   = std::string_view(seen.bytes).substr(2);
        const auto             result = wsclose::close_frame::parse(body);
        out                           = body.size() < 2 ? "a Close frame of " + std::to_string(body.size()) + " byte(s)"
                                                        : shown(static_cast<unsigned>(static_cast<unsigned char>(body[0]) << 8 |
                                                            static_cast<unsigned char>(body[1])),
                                                                body.substr(2));
        if (!result)
            out.insert(0, std::string(name(result.error)) + ": ");
    }
    if (seen.end == test::stream_end::reset)
        out += ", reset";
    if (seen.seconds > 1)
        out += ", after " + std::to_string(static_cast<int>(seen.seconds)) + " s";
    return out;
}

struct ending {
    const char                                     *name;
    bool                                            lws_is_client;
    const char                                     *asks; // of the program: how, code, text
    std::function<test::rest_of_stream(raw_peer &)> peer;
    const char                                     *wire; // with wsclose
    const char                                     *told; // with wsclose
};

test::rest_of_stream answers(raw_peer &peer) { return peer.answer_close_and_read_to_end(); }
test::rest_of_stream says_nothing(raw_peer &peer) { return peer.read_to_end(); }
auto                 closes_with(std::string body) {
                    return [body = std::move(body)](raw_peer &peer) {
        peer.send_close(body);
        return peer.read_to_end();
    };
}
test::rest_of_stream ends_the_stream(raw_peer &peer) {
    peer.send_fin();
    return peer.read_to_end();
}
test::rest_of_stream resets(raw_peer &peer) {
    peer.reset();
    return {{}, test::stream_end::fin, 0};
}

// 151 bytes, of which 123 end within a code point.
const char too_long[] =
    "close 1000 x"
    "日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日";

const std::vector<ending> &endings() {
    static const std::vector<ending> all = {
        {"nobody listens at the other end", true, "", nullptr, "", "not connected: \""},
        {"the server closes: 1000 bye", false, "close 1000 bye", answers, "1000 \"bye\"",
         "closed cleanly by local: 1000 normal_closure \"bye\""},
        {"the client closes: 1000 bye", true, "close 1000 bye", answers, "1000 \"bye\"",
         "closed cleanly by local: 1000 normal_closure \"bye\""},
        {"the peer closes: 1000 bye", false, "note",
         closes_with("\x03\xE8"
                     "bye"),
         "1000 \"bye\"", "closed cleanly by peer: 1000 normal_closure \"bye\""},
        {"an application's code, in Japanese", false, "close 4001 またね", answers, "4001 \"またね\"",
         "closed cleanly by local: 4001 \"またね\""},
        {"a text of 151 bytes (x, 50 times 日)", false, too_long, answers,
         "1000 \"x日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日日\"",
         "closed cleanly by local: 1000 normal_closure \"x日日日"},
        {"a forbidden code: 1005", false, "close 1005 oops", answers, "1011 \"oops\"",
         "closed cleanly by local: 1011 internal_error \"oops\""},
        {"a forbidden code: 5000", false, "close 5000 oops", answers, "1011 \"oops\"",
         "closed cleanly by local: 1011 internal_error \"oops\""},
        {"a close from a timer", false, "timer 4000 idle", answers, "4000 \"idle\"",
         "closed cleanly by local: 4000 \"idle\""},
        {"the peer sends half a code", false, "note", closes_with("\x03"), "1002 \"Close frame with half a code\"",
         "closed, not cleanly, by peer: truncated_code; answered 1002"},
        {"the peer sends the code 5000", false, "note", closes_with("\x13\x88no"),
         "1002 \"Close frame with a forbidden code\"", "closed, not cleanly, by peer: forbidden_code; answered 1002"},
        {"the peer's text is not UTF-8", false, "note", closes_with("\x03\xE8\xE6\x97"),
         "1007 \"Close frame with text that is not UTF-8\"",
         "closed, not cleanly, by peer: invalid_utf8; answered 1007"},
        {"the peer does not answer", false, "close 1001 bye", says_nothing, "1001 \"bye\", after 5 s",
         "closed, not cleanly, by local: 1001 going_away \"bye\"; not answered"},
        {"the peer ends the stream (FIN)", false, "note", ends_the_stream, "no Close frame",
         "closed, not cleanly, by transport: 1006"},
        {"the peer resets the stream", false, "note", resets, "no Close frame",
         "closed, not cleanly, by transport: 1006"},
    };
    return all;
}

/// Lets lws, as a client of the flavour, connect; several threads ask for it.
void connect(test::lws_host &host, std::uint16_t port, flavour which) {
    static std::mutex                 one_at_a_time;
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    host.connect(port, protocol_of[which]);
}

struct outcome {
    std::string wire, told;
};

outcome play(test::lws_host &host, std::size_t number, flavour which) {
    const ending &e = endings()[number];
    outcome       result;
    if (!e.peer) {
        connect(host, test::dead_port(), which);
    } else {
        const test::listener listener;
        if (e.lws_is_client)
            connect(host, listener.port(), which);
        raw_peer peer = e.lws_is_client ? raw_peer::accept(listener, protocol_of[which])
                                        : raw_peer::connect(host.port(), protocol_of[which]);
        peer.send_text(std::to_string(number) + ' ' + e.asks);
        result.wire = on_the_wire(e.peer(peer));
    }
    result.told = told[number][which].next();
    return result;
}

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
    std::printf(" %s %-4s  %s  %s\n", cell(first, 36).c_str(), label, cell(a, 40).c_str(), cell(b, 62).c_str());
}

bool begins(const std::string &text, const char *beginning) {
    return text.compare(0, std::strlen(beginning), beginning) == 0;
}

} // namespace

int main() {
    std::vector<std::array<outcome, 2>> results(endings().size());
    {
        test::lws_host           host(protocols);
        std::vector<std::thread> players;
        for (std::size_t i = 0; i < results.size(); ++i)
            for (const flavour which : {plain, ours})
                players.emplace_back([&results, &host, i, which] { results[i][which] = play(host, i, which); });
        for (std::thread &player : players)
            player.join();
    }
    std::printf("How WebSocket connections end on libwebsockets %s: what the peer gets on the wire,\n"
                "and what the program is told.\n\n",
                LWS_LIBRARY_VERSION);
    print_row("ending", "", "plain lws", "wsclose");
    int broken = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const ending  &e    = endings()[i];
        const outcome &bare = results[i][plain], &own = results[i][ours];
        std::printf("\n");
        if (e.peer)
            print_row(e.name, "wire", bare.wire, own.wire);
        print_row(e.peer ? "" : e.name, "told", bare.told, own.told);
        if (own.wire != e.wire || !begins(own.told, e.told)) {
            std::printf("   BROKEN PROMISE: wsclose was to send %s and to report %s\n", e.wire, e.told);
            ++broken;
        }
    }
    std::printf("\n%zu endings, %d broken promises of wsclose.\n", results.size(), broken);
    return broken == 0 ? 0 : 1;
}
