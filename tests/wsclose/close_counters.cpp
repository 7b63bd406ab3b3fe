// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/close_counters.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"

using namespace wsclose;

enum class game_code { kicked = 4001, blocked = 3003 };

template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::kicked, "kicked"}, {game_code::blocked, "blocked"}};
};

namespace {

const std::string closes    = "websocket_closes_total";
const std::string codes     = "websocket_close_codes_total";
const std::string failures  = "websocket_connect_failures_total";
const std::string durations = "websocket_connection_duration_seconds";

template <class... Counters>
std::string text_of(const Counters &...counters) {
    std::string text;
    write_metrics([&text](std::string_view piece) { text += piece; }, counters...);
    return text;
}

/// The values on a page, by what stands before them.
class page {
public:
    template <class... Counters>
    explicit page(const Counters &...counters) {
        const std::string text = text_of(counters...);
        for (std::size_t at = 0, end = 0; at < text.size(); at = end + 1) {
            end                    = text.find('\n', at);
            const std::string line = text.substr(at, end - at);
            if (line[0] == '#')
                continue;
            const std::size_t space = line.rfind(' ');
            if (!values_.emplace(line.substr(0, space), std::stod(line.substr(space))).second)
                throw std::runtime_error("twice on the page: " + line);
        }
    }

    std::size_t size() const { return values_.size(); }

    /// The value of one series; -1 if it is not there.
    double operator[](const std::string &series) const {
        const auto found = values_.find(series);
        return found == values_.end() ? -1 : found->second;
    }

    /// The sum of the series of a family which have these pieces of text.
    double sum(const std::string &family, const std::vector<std::string> &pieces = {}) const {
        double result = 0;
        for (const auto &one : values_) {
            bool matches = one.first.compare(0, family.size() + 1, family + "{") == 0;
            for (const std::string &piece : pieces)
                matches = matches && one.first.find(piece) != std::string::npos;
            result += matches ? one.second : 0;
        }
        return result;
    }

private:
    std::map<std::string, double> values_;
};

close_report ended(close_handshake handshake, cause why = cause::unknown) {
    handshake.transport_closed(why);
    return handshake.report();
}

close_report sent_by_us(const close_frame &frame) {
    close_handshake handshake;
    handshake.send(frame);
    handshake.receive(close_frame::parse({frame.data(), frame.size()}));
    return ended(handshake);
}

close_report received(std::string_view body) {
    close_handshake handshake;
    handshake.receive(close_frame::parse(body));
    return ended(handshake);
}

close_report failed_by_the_library(const close_frame &frame) {
    close_handshake handshake;
    handshake.fail(frame);
    handshake.send();
    return ended(handshake);
}

close_report cut(cause why) { return ended(close_handshake(), why); }

close_report lasting(std::int64_t milliseconds) {
    close_handshake handshake;
    handshake.established(50);
    handshake.transport_closed(cause::fin, 50 + milliseconds);
    return handshake.report();
}

close_report not_connected(cause why, std::uint16_t http_status = 0) {
    close_handshake handshake;
    handshake.connect_failed({"no", why, http_status});
    return handshake.report();
}

std::string body_of(unsigned code) { return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)}; }

} // namespace

TEST_CASE("every series that a peer can cause is there from the beginning, with 0") {
    const close_counters counters;
    const page           all(counters);
    // closes: 13 by us, 13 by the peer, 6 by the library, 4 by the transport; codes: 19 each but 1 by the transport;
    // failures: 17, and 5 classes of HTTP; 14 of the histogram
    CHECK(all.size() == 36 + 58 + 22 + 14);
    CHECK(all.size() <= close_counters::max_series);
    CHECK(all[failures + "{cause=\"library\"}"] == 0);
    CHECK(all[failures + "{cause=\"handshake\"}"] == -1);
    CHECK(all.sum(closes) + all.sum(codes) + all.sum(failures) + all.sum(durations + "_bucket") == 0);
}

TEST_CASE("a connection counts once in each family, and a failed attempt only among the failures") {
    close_counters counters;
    counters.count(sent_by_us(frame<close_code::going_away>("bye")));
    counters.count(received(body_of(1000)));
    counters.count(cut(cause::reset));
    counters.count(not_connected(cause::refused));
    const page all(counters);
    CHECK(all.sum(closes) == 3);
    CHECK(all.sum(codes) == 3);
    CHECK(all[durations + "_count"] == 3);
    CHECK(all.sum(failures) == 1);
    CHECK(all[closes + R"({initiator="local",cause="handshake",clean="true"})"] == 1);
    CHECK(all[closes + R"({initiator="peer",cause="handshake",clean="true"})"] == 1);
    CHECK(all[closes + R"({initiator="transport",cause="reset",clean="false"})"] == 1);
    CHECK(all[codes + R"({initiator="local",code="1001",code_name="going_away"})"] == 1);
    CHECK(all[codes + R"({initiator="peer",code="1000",code_name="normal_closure"})"] == 1);
    CHECK(all[codes + R"({initiator="transport",code="1006",code_name="abnormal_closure"})"] == 1);
    CHECK(all[failures + R"({cause="refused"})"] == 1);
}

TEST_CASE("every code from everybody counts once in each family, and adds no series") {
    close_counters counters;
    for (unsigned code = 0; code <= 65535; ++code) {
        const close_frame fitted = close_frame::fit(close_code(code));
        counters.count(sent_by_us(fitted));
        counters.count(received(body_of(code)));
        counters.count(failed_by_the_library(fitted));
    }
    const page all(counters);
    CHECK(all.size() == 130);
    for (const char *who : {"local", "peer", "library"}) {
        const std::string by = std::string(R"(initiator=")") + who + '"';
        CHECK(all.sum(closes, {by}) == 65536);
        CHECK(all.sum(codes, {by}) == 65536);
        CHECK(all.sum(codes, {by, R"(code="1000")"}) == 1);
        CHECK(all.sum(codes, {by, R"(code="1014")"}) == 1);
        CHECK(all.sum(codes, {by, R"(code="3003",code_name="forbidden")"}) == 1);
        CHECK(all.sum(codes, {by, R"(code="3xxx")"}) == 997); // without 3000, 3003 and 3008
        CHECK(all.sum(codes, {by, R"(code="4xxx")"}) == 1000);
        for (const char *never : {"1005", "1006", "1015"})
            CHECK(all.sum(codes, {by, never}) == 0);
    }
    // 65536 - 2012 codes are forbidden: we send 1011 instead, and answer the peer's with 1002.
    CHECK(all.sum(codes, {"local", R"(code="1011")"}) == 63525);
    CHECK(all.sum(codes, {"peer", R"(code="1002")"}) == 63525);
    CHECK(all[closes + R"({initiator="peer",cause="handshake",clean="true"})"] == 2012);
    CHECK(all[closes + R"({initiator="peer",cause="protocol_violation",clean="false"})"] == 63524);
    CHECK(all[durations + "_count"] == 3 * 65536);
}

// As in close_handshake.cpp: every sequence of what can happen, before each cause of an open connection.
TEST_CASE("whatever happens to an open connection counts once in each family, and adds no series") {
    constexpr std::string_view inputs = "RSVBUFL";
    close_counters             counters;
    double                     count = 0;
    for (unsigned sequence = 0; sequence < 7 * 7 * 7 * 7; ++sequence) {
        close_handshake handshake;
        for (unsigned i = 0, rest = sequence; i < 4; ++i, rest /= 7) {
            switch (inputs[rest % 7]) {
            case 'R': handshake.request(frame<close_code{4001}>("mine")); break;
            case 'S': handshake.send(frame<close_code{4001}>("mine")); break;
            case 'V': handshake.receive(close_frame::parse(body_of(1002)), true); break; // or another code
            case 'B': handshake.receive(close_frame::parse("\x03")); break;
            case 'U': handshake.receive_unseen(); break;
            case 'F': handshake.fail(frame<close_code::protocol_error>("rsv bits")); break;
            default: handshake.lose(); break;
            }
        }
        for (cause why = cause::unknown; why <= cause::no_pong; why = static_cast<cause>(static_cast<int>(why) + 1))
            if (why != cause::handshake) { // which the frames alone tell
                counters.count(ended(handshake, why));
                ++count;
            }
    }
    for (const cause why : {cause::unknown, cause::fin, cause::reset, cause::lost, cause::dropped,
                            cause::context_destroyed, cause::library, cause::no_answer, cause::no_pong}) {
        counters.count(cut(why));
        ++count;
    }
    const page all(counters);
    CHECK(all.size() == 130);
    CHECK(all.sum(closes) == count);
    CHECK(all.sum(codes) == count);
    CHECK(all[durations + "_count"] == count);
    CHECK(all.sum(failures) == 0);
    CHECK(all.sum(closes, {R"(initiator="transport",cause="lost")"}) == 1 + 1); // after seven times `lose`, and alone
}

TEST_CASE("a report of the impossible is counted too") {
    close_counters counters;
    counters.count(cut(cause::tls_expired));
    counters.count(not_connected(cause::no_pong));
    const page all(counters);
    CHECK(all.size() == 130 + 3);
    CHECK(all[closes + R"({initiator="transport",cause="tls_expired",clean="false"})"] == 1);
    CHECK(all[codes + R"({initiator="transport",code="1015",code_name="tls_handshake"})"] == 1);
    CHECK(all[failures + R"({cause="no_pong"})"] == 1);
}

TEST_CASE("an attempt that the server refused counts by the class of its HTTP status") {
    close_counters counters;
    for (const int status : {0, 99, 100, 199, 200, 302, 401, 404, 500, 503, 599, 600, 1000})
        counters.count(not_connected(cause::upgrade_refused, static_cast<std::uint16_t>(status)));
    counters.count(not_connected(cause::upgrade_invalid, 101));
    const page all(counters);
    CHECK(all.sum(failures) == 14);
    CHECK(all[failures + R"({cause="upgrade_refused"})"] == 4);
    CHECK(all[failures + R"({cause="upgrade_refused",http_status="1xx"})"] == 2);
    CHECK(all[failures + R"({cause="upgrade_refused",http_status="2xx"})"] == 1);
    CHECK(all[failures + R"({cause="upgrade_refused",http_status="3xx"})"] == 1);
    CHECK(all[failures + R"({cause="upgrade_refused",http_status="4xx"})"] == 2);
    CHECK(all[failures + R"({cause="upgrade_refused",http_status="5xx"})"] == 3);
    CHECK(all[failures + R"({cause="upgrade_invalid"})"] == 1);
}

TEST_CASE("a duration counts up to its bound, itself included") {
    close_counters counters;
    for (const std::int64_t seconds : {1, 5, 15, 30, 60, 120, 300, 900, 3600, 14400, 86400})
        for (const int more : {0, 10})
            counters.count(lasting(seconds * 1000 + more));
    const page  all(counters);
    double      expected = 1;
    const char *bounds[] = {"1", "5", "15", "30", "60", "120", "300", "900", "3600", "14400", "86400"};
    for (const char *bound : bounds) {
        CHECK(all[durations + "_bucket{le=\"" + bound + "\"}"] == expected);
        expected += 2;
    }
    CHECK(all[durations + R"(_bucket{le="+Inf"})"] == 22);
    CHECK(all[durations + "_count"] == 22);
    CHECK(all[durations + "_sum"] == 211662.11); // 2 x 105831 and 11 x 0.01
}

TEST_CASE("the codes of an application's enum count by its names, also those that the registry has") {
    basic_close_counters<game_code> counters;
    counters.count(received(body_of(4001)));
    counters.count(received(body_of(4001)));
    counters.count(received(body_of(3003)));
    counters.count(received(body_of(4002)));
    const page all(counters);
    CHECK(all.size() == 130 + 3); // 4001 from three; 3003 has another name
    CHECK(all[codes + R"({initiator="peer",code="4001",code_name="kicked"})"] == 2);
    CHECK(all[codes + R"({initiator="peer",code="3003",code_name="blocked"})"] == 1);
    CHECK(all[codes + R"({initiator="peer",code="3003",code_name="forbidden"})"] == -1);
    CHECK(all[codes + R"({initiator="peer",code="4xxx"})"] == 1);
}

TEST_CASE("the page is in the Prometheus text format, with the program's labels escaped") {
    static constexpr metric_label           labels[] = {{"server", "a\"b\\c\nd"}, {"none", ""}, {"zone", "z"}};
    static basic_close_counters<close_code> counters(labels);
    counters.count(lasting(61070));
    const std::string      text = text_of(counters);
    const std::string_view head =
        "# HELP websocket_closes_total WebSocket connections that ended, by who ended them, why, and whether the "
        "closing handshake was clean.\n"
        "# TYPE websocket_closes_total counter\n"
        "websocket_closes_total{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",initiator=\"transport\",cause=\"unknown\",clean="
        "\"false\"} "
        "0\n"
        "websocket_closes_total{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",initiator=\"transport\",cause=\"fin\",clean="
        "\"false\"} 1\n";
    CHECK(text.substr(0, head.size()) == head);
    const std::string_view tail =
        "# HELP websocket_connection_duration_seconds How long WebSocket connections were open.\n"
        "# TYPE websocket_connection_duration_seconds histogram\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"1\"} 0\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"5\"} 0\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"15\"} 0\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"30\"} 0\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"60\"} 0\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"120\"} 1\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"300\"} 1\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"900\"} 1\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"3600\"} 1\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"14400\"} 1\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"86400\"} 1\n"
        "websocket_connection_duration_seconds_bucket{server=\"a\\\"b\\\\c\\nd\",zone=\"z\",le=\"+Inf\"} 1\n"
        "websocket_connection_duration_seconds_sum{server=\"a\\\"b\\\\c\\nd\",zone=\"z\"} 61.070\n"
        "websocket_connection_duration_seconds_count{server=\"a\\\"b\\\\c\\nd\",zone=\"z\"} 1\n";
    CHECK(text.substr(text.size() - tail.size()) == tail);
}

TEST_CASE("several counters share a page, on which each family has one head") {
    const metric_label              chat_labels[] = {{"protocol", "chat"}};
    std::vector<metric_label>       game_labels   = {{"protocol", "game"}};
    close_counters                  chat(chat_labels);
    basic_close_counters<game_code> game(game_labels);
    chat.count(cut(cause::fin));
    game.count(received(body_of(4001)));
    const page all(chat, game);
    CHECK(all.size() == 130 + 133);
    CHECK(all[closes + R"({protocol="chat",initiator="transport",cause="fin",clean="false"})"] == 1);
    CHECK(all[codes + R"({protocol="game",initiator="peer",code="4001",code_name="kicked"})"] == 1);
    const std::string text = text_of(chat, game);
    for (const std::string &family : {closes, codes, failures, durations}) {
        CHECK(text.find("# TYPE " + family) != std::string::npos);
        CHECK(text.find("# TYPE " + family) == text.rfind("# TYPE " + family));
    }
}

TEST_CASE("no report is lost if several threads count and another writes, and no count falls") {
    constexpr int     threads = 4, reports = 20000;
    close_counters    counters;
    std::atomic<bool> done{false};
    bool              fallen = false;
    std::thread       scraper([&] {
        double closed = 0, opened = 0;
        while (!done) {
            const page now(counters);
            fallen = fallen || now.sum(closes) < closed || now[durations + "_count"] < opened;
            closed = now.sum(closes);
            opened = now[durations + "_count"];
        }
    });

    std::atomic<int>         waiting{threads};
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i)
        all.emplace_back([&] {
            for (--waiting; waiting != 0;) // until all are there
                std::this_thread::yield();
            for (int j = 0; j < reports; ++j) {
                counters.count(received(body_of(1000)));
                counters.count(lasting(10));
                counters.count(not_connected(cause::timed_out));
            }
        });
    for (std::thread &one : all)
        one.join();
    done = true;
    scraper.join();
    CHECK_FALSE(fallen);
    const page end(counters);
    CHECK(end[closes + R"({initiator="peer",cause="handshake",clean="true"})"] == 80000);
    CHECK(end[closes + R"({initiator="transport",cause="fin",clean="false"})"] == 80000);
    CHECK(end[codes + R"({initiator="peer",code="1000",code_name="normal_closure"})"] == 80000);
    CHECK(end[failures + R"({cause="timed_out"})"] == 80000);
    CHECK(end[durations + "_count"] == 160000);
    CHECK(end[durations + "_sum"] == 800);
}
