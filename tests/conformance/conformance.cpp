// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Drives the conformance programs from outside with raw sockets: each case checks the bytes on the
// wire, how and when the stream ended, and the report. Plain lws goes through the same cases.

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <libwebsockets.h> // its version

#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/raw_peer.hpp"

using namespace std::string_literals;
using test::process;
using test::raw_peer;
using test::stream_end;
using test::transport;

namespace {

const std::string programs    = WSCLOSE_CONFORMANCE_PROGRAMS;
const std::string subprotocol = "wsclose-conformance";

enum class react { read, answer, answer_otherwise, fin, reset };

struct frame_to_send {
    unsigned char first;
    std::string   payload;
};

/// What the raw peer does, and what it has to see.
struct scenario {
    std::string                name;
    std::vector<std::string>   arguments; // of the client under test
    std::vector<frame_to_send> frames;
    react                      then = react::read;
    std::string                bytes;  // that the program under test sends, unmasked
    std::string                report; // behind the role
    double                     limit = 1;
    std::string                other_answer{};
};

// ---- expected values, put together by hand ----

std::string be16(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)}; }
std::string body(unsigned code, const std::string &text = "") { return be16(code) + text; }
std::string wire(const std::string &close_body) { return "\x88"s + static_cast<char>(close_body.size()) + close_body; }
std::string json(unsigned code, const std::string &text = "") {
    return "{\"code\":" + std::to_string(code) + ",\"reason\":\"" + text + "\"}";
}
std::string report(unsigned code, const std::string &text, bool clean, const std::string &who,
                   const std::string &received, const std::string &sent, const std::string &violation = "null") {
    return "\"code\":" + std::to_string(code) + ",\"reason\":\"" + text + "\",\"clean\":" + (clean ? "true" : "false") +
           ",\"initiator\":\"" + who + "\",\"received\":" + received + ",\"sent\":" + sent +
           ",\"violation\":" + violation + "}";
}
std::string echoed(unsigned code, const std::string &text = "") {
    return report(code, text, true, "peer", json(code, text), json(code, text));
}
std::string answered(unsigned code, const std::string &text = "") {
    return report(code, text, true, "local", json(code, text), json(code, text));
}
std::string lost(const std::string &who) { return report(1006, "", false, who, "null", "null"); }

const std::string half_a_code = "Close frame with half a code";
const std::string bad_code    = "Close frame with a forbidden code";
const std::string bad_text    = "Close frame with text that is not UTF-8";

std::string refused(unsigned code, const std::string &text, const std::string &violation) {
    return report(code, text, false, "peer", "null", json(code, text), '"' + violation + '"');
}

std::string times(int count, const std::string &text) {
    std::string out;
    while (count-- > 0)
        out += text;
    return out;
}

// Texts of 122 and 123 bytes in each length class of UTF-8.
const std::string two = "\xC3\xBC", three = "\xE6\x97\xA5", four = "\xF0\x9F\x98\x80";
const std::vector<std::pair<std::string, std::string>> texts = {
    {"no text", ""},
    {"1 byte", "x"},
    {"122 bytes of 1", times(122, "x")},
    {"123 bytes of 1", times(123, "x")},
    {"122 bytes of 2", times(61, two)},
    {"123 bytes of 2", times(61, two) + "x"},
    {"122 bytes of 3", times(40, three) + "xx"},
    {"123 bytes of 3", times(41, three)},
    {"122 bytes of 4", times(30, four) + "xx"},
    {"123 bytes of 4", times(30, four) + three},
};

// Unicode standard, table 3-7: what is ill-formed and how.
const std::vector<std::pair<std::string, std::string>> ill_formed = {
    {"a lone continuation byte", "\x80"},
    {"an overlong form of two bytes", "\xC0\x80"},
    {"an overlong form of two bytes, the last", "\xC1\xBF"},
    {"an overlong form of three bytes", "\xE0\x9F\xBF"},
    {"the first surrogate", "\xED\xA0\x80"},
    {"the last surrogate", "\xED\xBF\xBF"},
    {"an overlong form of four bytes", "\xF0\x8F\xBF\xBF"},
    {"above U+10FFFF", "\xF4\x90\x80\x80"},
    {"a form of five bytes", "\xF8\x88\x80\x80\x80"},
    {"F5", "\xF5\x80\x80\x80"},
    {"FE", "\xFE"},
    {"FF", "\xFF"},
    {"two bytes cut off", "ok\xC3"},
    {"three bytes cut off", "ok\xE6\x97"},
    {"four bytes cut off", "ok\xF0\x9F\x98"},
    {"no second byte", "\xC3("},
    {"no third byte", "\xE6\x97("},
    {"no fourth byte", "\xF0\x9F\x98("},
    {"ill-formed in the last of 123 bytes", times(122, "x") + "\xC3"},
};

// What lws makes 1002 of before anybody sees it: a server's in every version, a client's in 4.0 and
// 4.1; later clients' let 1012 to 1015 through.
bool lws_hides(unsigned code, bool server) {
    const bool later = LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 2;
    if (!server && later && code >= 1012 && code <= 1015)
        return false;
    return code < 1000 || code == 1004 || code == 1005 || code == 1006 || (code >= 1012 && code <= 2999);
}

bool on_the_wire(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

const std::vector<unsigned> all_codes = {0,    1,    999,  1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007,
                                         1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1999, 2000,
                                         2999, 3000, 3003, 3008, 3999, 4000, 4999, 5000, 65535};

/// The peer closes.
std::vector<scenario> peer_closes(bool server) {
    std::vector<scenario> all;
    const auto            add = [&all](const std::string &name, const std::string &sent, const std::string &back,
                            const std::string &told) {
        all.push_back({"peer closes with " + name, {}, {{0x88, sent}}, react::read, wire(back), told});
    };
    for (const unsigned code : all_codes) {
        const std::string name = std::to_string(code);
        if (lws_hides(code, server))
            add(name, body(code, "why"), body(1002, "why"), echoed(1002, "why"));
        else if (on_the_wire(code))
            add(name, body(code, "why"), body(code, "why"), echoed(code, "why"));
        else
            add(name, body(code, "why"), body(1002, bad_code), refused(1002, bad_code, "forbidden_code"));
    }
    add("an empty body", "", "", echoed(1005));
    add("one byte", "\x03", body(1002, half_a_code), refused(1002, half_a_code, "truncated_code"));
    for (const auto &[name, text] : texts)
        add(name, body(1000, text), body(1000, text), echoed(1000, text));
    for (const auto &[name, text] : ill_formed)
        add(name, body(1000, text), body(1007, bad_text), refused(1007, bad_text, "invalid_utf8"));
    add("a NUL and a line break in the text", body(1000, "a\0\n\"b"s), body(1000, "a\0\n\"b"s),
        echoed(1000, "a\\u0000\\u000a\\\"b"));

    const auto mixed = [&all](const std::string &name, std::vector<frame_to_send> frames, const std::string &back,
                              const std::string &told) {
        all.push_back({name, {}, std::move(frames), react::read, back, told});
    };
    const frame_to_send first = {0x88, body(1000, "first")};
    const std::string   one   = wire(body(1000, "first"));
    mixed("peer closes twice", {first, {0x88, body(1001, "second")}}, one, echoed(1000, "first"));
    mixed("peer sends data after its close", {first, {0x81, "late"}, {0x82, "late"}}, one, echoed(1000, "first"));
    mixed("peer pings after its close", {first, {0x89, "late"}}, one, echoed(1000, "first"));
    mixed("peer closes within a fragmented message", {{0x01, "be"}, first}, one, echoed(1000, "first"));
    return all;
}

/// The program under test closes. `command` makes a message to a server, or arguments of a client, of a
/// code and a text.
template <class Command>
void add_local_closes(std::vector<scenario> &all, bool server, const std::string &how, Command &&command) {
    const auto add = [&](const std::string &name, unsigned code, const std::string &text, const std::string &back,
                         const std::string &told) {
        scenario s = command(code, text);
        s.name     = how + " " + name;
        s.then     = react::answer;
        s.bytes    = wire(back);
        s.report   = told;
        all.push_back(s);
    };
    for (const unsigned code : all_codes) {
        const unsigned sent = on_the_wire(code) && !(server && code == 1010) ? code : 1011;
        // What lws hides of the peer's answer: see lws_hides().
        const unsigned seen = lws_hides(sent, server) ? 1002 : sent;
        add(std::to_string(code), code, "why", body(sent, "why"),
            report(sent, "why", true, "local", json(seen, "why"), json(sent, "why")));
    }
    for (const auto &[name, text] : texts)
        add(name, 4000, text, body(4000, text), answered(4000, text));
    add("124 bytes of 1", 4000, times(124, "x"), body(4000, times(123, "x")), answered(4000, times(123, "x")));
    add("126 bytes of 3", 4000, times(42, three), body(4000, times(41, three)), answered(4000, times(41, three)));
    add("124 bytes of 4", 4000, times(31, four), body(4000, times(30, four)), answered(4000, times(30, four)));
}

void add_answers(std::vector<scenario> &all, const scenario &closing) {
    const std::string mine = wire(body(4000, "mine"));
    const auto        add = [&](const std::string &name, react then, const std::string &answer, const std::string &told,
                         double limit = 1) {
        scenario s     = closing;
        s.name         = name;
        s.then         = then;
        s.bytes        = mine;
        s.report       = told;
        s.limit        = limit;
        s.other_answer = answer;
        all.push_back(s);
    };
    const auto local = [](bool clean, const std::string &received, const std::string &violation = "null") {
        return report(4000, "mine", clean, "local", received, json(4000, "mine"), violation);
    };
    add("close answered with another code", react::answer_otherwise, body(1001, "other"),
        local(true, json(1001, "other")));
    add("close answered with an empty body", react::answer_otherwise, "", local(true, json(1005)));
    add("close answered with one byte", react::answer_otherwise, "\x03", local(false, "null", "\"truncated_code\""));
    add("close answered with bad text", react::answer_otherwise, body(1000, "\xFF"),
        local(false, "null", "\"invalid_utf8\""));
    add("close answered by FIN", react::fin, "", local(false, "null"));
    add("close answered by reset", react::reset, "", local(false, "null"));
    add("close not answered", react::read, "", local(false, "null"), 7);
}

std::vector<scenario> server_scenarios(const std::vector<std::string> &ways_to_close) {
    std::vector<scenario> all = peer_closes(true);
    for (const std::string &how : ways_to_close)
        add_local_closes(all, true, how, [&how](unsigned code, const std::string &text) {
            return scenario{{}, {}, {{0x81, how + " " + std::to_string(code) + (text.empty() ? "" : " " + text)}},
                            {}, {}, {}};
        });
    add_answers(all, scenario{{}, {}, {{0x81, "close 4000 mine"}}, {}, {}, {}});
    all.push_back({"an echo goes out before the close",
                   {},
                   {{0x81, "hello"}, {0x82, "bin"}, {0x81, "close 4000"}},
                   react::answer,
                   "\x81\x05hello\x82\x03"s + "bin" + wire(body(4000)),
                   answered(4000)});
    all.push_back({"drop", {}, {{0x81, "drop"}}, react::read, "", lost("local")});
    all.push_back({"FIN", {}, {}, react::fin, "", lost("transport")});
    all.push_back({"reset", {}, {}, react::reset, "", lost("transport")});
    // Both ends close at once: the server's frame is still to be written when the peer's comes in.
    all.push_back({"both close at once",
                   {},
                   {{0x81, "close 4000 mine"}, {0x88, body(1000, "yours")}},
                   react::read,
                   wire(body(4000, "mine")),
                   report(1000, "yours", true, "peer", json(1000, "yours"), json(4000, "mine"))});
    all.push_back({"reserved bits",
                   {},
                   {{0xF1, ""}},
                   react::read,
                   wire(body(1002, "rsv bits")),
                   report(1002, "rsv bits", false, "library", "null", json(1002, "rsv bits")),
                   7});
    all.push_back({"close-soon while data streams in",
                   {},
                   {{0x81, "close-soon 4000"}, {0x82, times(40000, "x")}, {0x81, "y"}},
                   react::answer,
                   {},
                   answered(4000)});
    all.back().bytes = "\x82\x7E"s + be16(40000) + times(40000, "x") + "\x81\x01y" + wire(body(4000));
    return all;
}

std::vector<scenario> client_scenarios() {
    std::vector<scenario> all = peer_closes(false);
    add_local_closes(all, false, "--close", [](unsigned code, const std::string &text) {
        return scenario{{}, {"--close", std::to_string(code), text}, {}, {}, {}, {}};
    });
    add_answers(all, scenario{{}, {"--close", "4000", "mine"}, {}, {}, {}, {}});
    all.push_back({"messages go out before the close",
                   {"--send", "a", "--send", "b", "--close", "4000"},
                   {},
                   react::answer,
                   "\x81\x01"s + "a\x81\x01"s + "b" + wire(body(4000)),
                   answered(4000)});
    all.push_back({"FIN", {}, {}, react::fin, "", lost("transport")});
    all.push_back({"reset", {}, {}, react::reset, "", lost("transport")});
    return all;
}

struct tally {
    int                      passed = 0, failed = 0;
    std::vector<std::string> failures;

    void check(bool right, const std::string &scenario, const std::string &what) {
        ++(right ? passed : failed);
        if (!right)
            failures.push_back(scenario + ": " + what);
    }
};

std::string shown(const std::string &bytes) {
    std::string out;
    for (const char c : bytes.substr(0, 200)) {
        char hex[4];
        std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned char>(c));
        out += c >= ' ' && c < 0x7F ? std::string(1, c) : "\\x" + std::string(hex);
    }
    return out;
}

/// Plays the scenario's peer, and checks what it sees and what the program reports.
void play(const scenario &s, raw_peer &peer, process &program, const std::string &role, tally &result) {
    std::string at_once; // so that all of it comes in by one read
    for (const frame_to_send &frame : s.frames)
        at_once += peer.frame(frame.first, frame.payload);
    peer.send(at_once);
    test::rest_of_stream seen{{}, stream_end::fin, 0};
    switch (s.then) {
    case react::read: seen = peer.read_to_end(); break;
    case react::answer: seen = peer.answer_close_and_read_to_end(); break;
    case react::answer_otherwise:
    case react::fin: {
        const std::string before = s.bytes.empty() ? std::string() : peer.read_frame();
        if (s.then == react::fin)
            peer.send_fin();
        else
            peer.send_close(s.other_answer);
        seen       = peer.read_to_end();
        seen.bytes = before + seen.bytes;
        break;
    }
    case react::reset:
        seen.bytes = s.bytes.empty() ? std::string() : peer.read_frame();
        peer.reset();
        break;
    }
    const std::string line     = program.line();
    const std::string expected = "{\"event\":\"closed\",\"role\":\"" + role + "\"," + s.report;
    result.check(seen.bytes == s.bytes, s.name,
                 "on the wire: " + shown(seen.bytes) + "\n  expected:  " + shown(s.bytes));
    result.check(seen.end == stream_end::fin && seen.seconds < s.limit, s.name,
                 "the stream ended after " + std::to_string(seen.seconds) + " s" +
                     (seen.end == stream_end::fin ? "" : ", not by FIN"));
    result.check(line == expected, s.name, "reported: " + line + "\n  expected: " + expected);
}

/// Goes through all scenarios, several at a time. `run_one` may be called from any thread.
template <class RunOne>
tally run_all(const std::vector<scenario> &scenarios, RunOne &&run_one) {
    tally                    total;
    std::mutex               mutex;
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < 8; ++i)
        workers.emplace_back([&] {
            for (std::size_t at; (at = next++) < scenarios.size();) {
                tally one;
                try {
                    run_one(scenarios[at], one);
                } catch (const std::exception &error) {
                    one.check(false, scenarios[at].name, error.what());
                }
                const std::lock_guard<std::mutex> lock(mutex);
                total.passed += one.passed;
                total.failed += one.failed;
                total.failures.insert(total.failures.end(), one.failures.begin(), one.failures.end());
            }
        });
    for (std::thread &worker : workers)
        worker.join();
    return total;
}

std::uint16_t port_of(process &server) {
    const std::string line = server.line(), begin = "{\"event\":\"listening\",\"port\":";
    if (line.find(begin) != 0)
        throw std::runtime_error("the server does not listen: " + line);
    return static_cast<std::uint16_t>(std::stoi(line.substr(begin.size())));
}

std::vector<std::string> server_command(const std::string &program, transport how) {
    std::vector<std::string> command = {programs + "/" + program, "--port", "0"};
    const auto              &own     = test::certificate::self_signed();
    if (how == transport::tls)
        command.insert(command.end(), {"--cert", own.cert_file(), "--key", own.key_file()});
    return command;
}

tally test_server(const std::string &program, transport how) {
    std::vector<std::string> ways = {"close", "close-soon"};
    if (program == "server")
        ways.push_back("close-thread"); // bare lws has no way to
    return run_all(server_scenarios(ways), [&program, how](const scenario &s, tally &result) {
        process  server(server_command(program, how));
        raw_peer peer = raw_peer::connect(port_of(server), subprotocol, how);
        play(s, peer, server, "server", result);
    });
}

tally test_client(transport how) {
    return run_all(client_scenarios(), [how](const scenario &s, tally &result) {
        const test::listener     listener;
        const bool               secure  = how == transport::tls;
        std::vector<std::string> command = {programs + "/client", "--url",
                                            (secure ? "wss" : "ws") +
                                                ("://127.0.0.1:" + std::to_string(listener.port()) + "/path")};
        if (secure)
            command.insert(command.end(), {"--ca", test::certificate::self_signed().cert_file()});
        command.insert(command.end(), s.arguments.begin(), s.arguments.end());
        process  client(command);
        raw_peer peer = raw_peer::accept(listener, subprotocol, how);
        play(s, peer, client, "client", result);
    });
}

void print(const char *what, transport how, const tally &result) {
    std::printf("%s on lws %s, %s: %d of %d checks passed\n", what, LWS_LIBRARY_VERSION,
                how == transport::tls ? "TLS" : "TCP", result.passed, result.passed + result.failed);
}

} // namespace

TEST_CASE("plain lws is counted") {
    const tally plain = test_server("plain_server", transport::tcp);
    print("plain server", transport::tcp, plain);
    CHECK(plain.failed > 0); // or nobody needs wsclose any more
}

TEST_CASE("the programs on wsclose keep every promise on the wire and in their reports") {
    const transport how    = GENERATE(transport::tcp, transport::tls);
    const tally     server = test_server("server", how);
    const tally     client = test_client(how);
    print("wsclose server", how, server);
    print("wsclose client", how, client);
    for (const std::string &failure : server.failures)
        FAIL_CHECK(failure);
    for (const std::string &failure : client.failures)
        FAIL_CHECK(failure);
    CHECK(server.passed > 166);
    CHECK(client.passed > 166);
}

TEST_CASE("200 connections that close at once get a frame and a report each") {
    process               server({programs + "/server", "--port", "0"});
    const auto            port = port_of(server);
    std::vector<raw_peer> peers;
    for (int i = 0; i < 200; ++i)
        peers.push_back(raw_peer::connect(port, subprotocol));
    for (int i = 0; i < 200; ++i)
        peers[static_cast<std::size_t>(i)].send_text("close " + std::to_string(4000 + i) + " bye");
    for (int i = 0; i < 200; ++i) {
        const auto seen = peers[static_cast<std::size_t>(i)].answer_close_and_read_to_end();
        CHECK(seen.bytes == wire(body(4000u + static_cast<unsigned>(i), "bye")));
    }
    std::vector<bool> reported(200);
    for (int i = 0; i < 200; ++i) {
        const std::string line = server.line(), begin = "{\"event\":\"closed\",\"role\":\"server\",\"code\":";
        REQUIRE(line.find(begin) == 0);
        const unsigned code = static_cast<unsigned>(std::stoi(line.substr(begin.size())));
        CHECK(line == begin.substr(0, begin.size() - 7) + answered(code, "bye"));
        REQUIRE(code >= 4000);
        REQUIRE(code < 4200);
        CHECK_FALSE(reported[code - 4000]);
        reported[code - 4000] = true;
    }
}

TEST_CASE("SIGTERM and SIGINT end both programs with status 0, and what was open is reported") {
    const int            number = GENERATE(SIGTERM, SIGINT);
    const test::listener listener;
    process              server({programs + "/server", "--port", "0"});
    process        client({programs + "/client", "--url", "ws://127.0.0.1:" + std::to_string(listener.port()) + "/"});
    const raw_peer of_server = raw_peer::connect(port_of(server), subprotocol);
    const raw_peer of_client = raw_peer::accept(listener, subprotocol);
    server.signal(number);
    client.signal(number);
    CHECK(server.wait() == 0);
    CHECK(client.wait() == 0);
    const bool told = LWS_LIBRARY_VERSION_MAJOR > 4 || LWS_LIBRARY_VERSION_MINOR >= 2; // that the context is destroyed
    CHECK(server.line() == "{\"event\":\"closed\",\"role\":\"server\"," + lost(told ? "local" : "library"));
    CHECK(client.line().find("{\"event\":\"closed\",\"role\":\"client\",\"code\":1006,") == 0);
}

TEST_CASE("a client that cannot connect says why") {
    process client({programs + "/client", "--url", "ws://127.0.0.1:" + std::to_string(test::dead_port()) + "/"});
    const std::string line = client.line();
    const std::string begin =
        "{\"event\":\"closed\",\"role\":\"client\",\"code\":1006,\"reason\":\"\",\"clean\":false,"
        "\"initiator\":\"transport\",\"received\":null,\"sent\":null,\"violation\":null,\"error\":\"";
    CHECK(line.find(begin) == 0);
    CHECK(line.size() > begin.size() + 2);
    CHECK(client.wait() == 0);
}

TEST_CASE("a forbidden code and a bad text are named on standard error") {
    process  server({programs + "/server", "--port", "0"});
    raw_peer peer = raw_peer::connect(port_of(server), subprotocol);
    peer.send_text("close 1006 x");
    peer.answer_close_and_read_to_end();
    server.line();
    server.signal(SIGINT);
    CHECK(server.wait() == 0);
    const std::string named = "close code 1006: the connection ended without a Close frame; never on the wire; closing "
                              "with 1011 instead\n";
    CHECK(server.errors().substr(0, named.size()) == named); // after 5.0, lws adds errors of its own as it ends
}

TEST_CASE("bad arguments end with status 2 and a usage line") {
    const std::vector<std::vector<std::string>> commands = {
        {"/server"},
        {"/server", "--port"},
        {"/server", "--port", "65536"},
        {"/server", "--port", "x"},
        {"/server", "--bogus", "1"},
        {"/server", "--port", "0", "--cert", "cert.pem"},
        {"/server", "--port", "0", "--cert"},
        {"/client"},
        {"/client", "--url"},
        {"/client", "--url", "http://127.0.0.1/"},
        {"/client", "--url", "ws://:80/"},
        {"/client", "--url", "ws://127.0.0.1:x/"},
        {"/client", "--url", "ws://127.0.0.1/", "--close", "65536"},
        {"/client", "--close", "1000", "x"},
    };
    for (std::vector<std::string> command : commands) {
        command[0] = programs + command[0];
        process program(command);
        CAPTURE(command);
        CHECK(program.wait() == 2);
        CHECK(program.errors().find("usage: ") == 0);
    }
}
