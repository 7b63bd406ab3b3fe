// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "situation.hpp"

using namespace std::string_literals;

namespace check {
namespace {

    constexpr unsigned char fin = 0x80, rsv1 = 0x40, rsv2 = 0x20, text = 1, close = 8, ping = 9;

    const char *const answered =
        "5.5.1 MUST: a Close frame in answer, typically with the same code; then the end of TCP, by the server at once";
    const char *const answered_and_silent =
        "5.5.1 MUST: one Close frame in answer, no data behind it, then the end of TCP";
    const char *const flooded = "5.5.1: a Close frame in answer; a program may set limits (10.4), and SHOULD then send "
                                "a Close frame too (7.1.7)";
    const char *const answered_softly =
        "5.5.1: a Close frame in answer; what follows ours may end the connection before";
    const char *const refused_code =
        "5.5.1 MUST: a code that section 7.4 defines; 10.7 SHOULD: a Close frame that says so (1002), then the end";
    const char *const refused_length =
        "5.5 MUST: at most 125 bytes, in one frame; 10.7 SHOULD: a Close frame that says so (1002), then the end";
    const char *const failed_text =
        "8.1 MUST: fail the connection if text is not UTF-8; 7.1.7 SHOULD: with a Close frame that says so (1007)";
    const char *const failed_bits =
        "5.2 MUST: fail the connection if a reserved bit is set; 7.1.7 SHOULD: with a Close frame that says so (1002)";
    const char *const failed_opcode =
        "5.2 MUST: fail the connection on an unknown opcode; 7.1.7 SHOULD: with a Close frame that says so (1002)";
    const char *const failed_mask =
        "5.1 MUST: close the connection if the mask is missing (server) or there is one (client); MAY: with 1002";
    const char *const ended = "taste: TCP ends on both sides; a connection that stays open is a leak";

    std::string body(unsigned code, const std::string &reason = "") {
        return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + reason;
    }

    std::string repeated(const std::string &what, int times) {
        std::string out;
        while (times-- > 0)
            out += what;
        return out;
    }

    frame_to_send bye(unsigned code = 1000) { return {fin | close, body(code, "bye")}; }

    std::vector<frame_to_send> behind(std::size_t times, const frame_to_send &what) {
        std::vector<frame_to_send> all(times, what);
        all.push_back(bye());
        return all;
    }

    void add_good_peers(std::vector<situation> &all, const std::string &message) {
        const frame_to_send hello{fin | text, message}, first_half{text, message};
        all.insert(all.end(), {
                                  {"Close: 1000 \"bye\"", {bye()}, demand::answer, answered},
                                  {"Close: 1000 without text", {{fin | close, body(1000)}}, demand::answer, answered},
                                  {"Close: an empty body", {{fin | close, ""}}, demand::answer, answered},
                                  {"Close: 1000 and 123 bytes of text",
                                   {{fin | close, body(1000, std::string(123, 'x'))}},
                                   demand::answer,
                                   answered},
                                  {"Close: 1000 and 41 times 日",
                                   {{fin | close, body(1000, repeated("日", 41))}},
                                   demand::answer,
                                   answered},
                              });
        for (const unsigned code : {1001u, 1003u, 1008u, 1010u, 1011u, 1012u, 1013u, 1014u, 3000u, 3999u, 4000u, 4999u})
            all.push_back({"Close: " + std::to_string(code) + " \"bye\"", {bye(code)}, demand::answer, answered});
        all.insert(
            all.end(),
            {
                {"Close, byte by byte", {bye()}, demand::answer, answered, delivery::byte_by_byte},
                {"Close behind text, in one segment", {hello, bye()}, demand::answer, answered},
                {"Close behind a ping, in one segment", {{fin | ping, "1"}, bye()}, demand::answer, answered},
                {"Close within a fragmented message", {first_half, bye()}, demand::answer, answered},
                {"Close and the 101 in one segment",
                 {bye()},
                 demand::answer,
                 answered,
                 delivery::with_the_101,
                 after::wait,
                 0,
                 role::client},
                {"Close, then text", {bye(), hello}, demand::answer, answered_and_silent},
                {"Close, then a ping", {bye(), {fin | ping, "1"}}, demand::answer, answered_and_silent},
                {"Close, then another Close: 1001", {bye(), bye(1001)}, demand::answer, answered_and_silent},
                {"Close behind 1000 pings, pongs unread", behind(1000, {fin | ping, std::string(125, 'p')}),
                 demand::answer_softly, flooded, delivery::unread},
                {"Close behind 1 MB of text, echo unread", behind(64, {fin | text, std::string(16384, 't')}),
                 demand::answer_softly, flooded, delivery::unread},
                {"Close, then an invalid frame",
                 {bye(), {0xFF, std::string(996, '\xFF')}},
                 demand::answer_softly,
                 answered_softly},
                {"Close, then FIN", {bye()}, demand::answer_softly, answered_softly, delivery::one_segment, after::fin},
                {"Close; the server does not end TCP",
                 {bye()},
                 demand::answer,
                 "5.5.1: a client SHOULD wait for the server, but MAY end TCP at any time",
                 delivery::one_segment,
                 after::keep_tcp,
                 0,
                 role::client},
            });
    }

    void add_invalid_close_frames(std::vector<situation> &all) {
        all.push_back({"Close: one byte, half a code",
                       {{fin | close, "\x03"}},
                       demand::refuse,
                       "5.5.1 MUST: a body begins with two bytes of code; 10.7 SHOULD: a Close frame that says so "
                       "(1002), then the end"});
        for (const unsigned code : {0u, 999u, 1005u, 1006u, 1015u, 5000u, 65535u})
            all.push_back(
                {"Close: " + std::to_string(code) + ", a forbidden code", {bye(code)}, demand::refuse, refused_code});
        for (const unsigned code : {1004u, 1016u, 2999u})
            all.push_back(
                {"Close: " + std::to_string(code) + ", reserved for later",
                 {bye(code)},
                 demand::answer_or_refuse,
                 "7.4.2: reserved for the protocol; 5.5.1 MUST: a Close frame in answer, with a defined code"});
        all.insert(
            all.end(),
            {
                {"Close: text that is not UTF-8 (FF)",
                 {{fin | close, body(1000, "bye\xFF")}},
                 demand::fail,
                 failed_text},
                {"Close: text with half a 日", {{fin | close, body(1000, "\xE6\x97")}}, demand::fail, failed_text},
                {"Close: text with a surrogate",
                 {{fin | close, body(1000, "\xED\xA0\x80")}},
                 demand::fail,
                 failed_text},
                {"Close: 126 bytes",
                 {{fin | close, body(1000, std::string(124, 'x'))}},
                 demand::refuse,
                 refused_length},
                {"Close: 1000 bytes",
                 {{fin | close, body(1000, std::string(998, 'x'))}},
                 demand::refuse,
                 refused_length},
                {"Close in two fragments", {{close, body(1000)}, {fin, "bye"}}, demand::refuse, refused_length},
                {"Close with the bit RSV1", {{fin | rsv1 | close, body(1000, "bye")}}, demand::fail, failed_bits},
                {"Close with the bit RSV2", {{fin | rsv2 | close, body(1000, "bye")}}, demand::fail, failed_bits},
                {"Close masked wrongly", {{fin | close, body(1000, "bye"), true}}, demand::fail_quietly, failed_mask},
            });
    }

    void add_other_ends(std::vector<situation> &all, const std::string &message) {
        const frame_to_send hello{fin | text, message};
        const frame_to_send unknown{fin | 0x0B, ""};
        all.insert(
            all.end(),
            {
                {"text that is not UTF-8", {{fin | text, "hello\xFF"}}, demand::fail, failed_text},
                {"text masked wrongly", {{fin | text, message, true}}, demand::fail_quietly, failed_mask},
                {"text with the bit RSV2", {{fin | rsv2 | text, message}}, demand::fail, failed_bits},
                {"an unknown opcode for data: 3", {{fin | 3, message}}, demand::fail, failed_opcode},
                {"an unknown opcode for control: 11", {unknown}, demand::fail, failed_opcode},
                {"the same; its Close is not answered",
                 {unknown},
                 demand::fail,
                 "7.1.7 SHOULD: a Close frame, then 7.1.1 SHOULD: the server ends TCP at once",
                 delivery::one_segment,
                 after::silent,
                 0,
                 role::server},
                {"FIN without Close", {}, demand::end, ended, delivery::one_segment, after::fin},
                {"FIN within the head of a frame",
                 {hello},
                 demand::end,
                 ended,
                 delivery::one_segment,
                 after::fin,
                 message.size() + 1},
                {"FIN within the body of a Close", {bye()}, demand::end, ended, delivery::one_segment, after::fin, 2},
                {"RST without Close",
                 {},
                 demand::survive,
                 "taste: the next connection is served",
                 delivery::one_segment,
                 after::reset},
                {"Close, then RST",
                 {bye()},
                 demand::survive,
                 "taste: the next connection is served",
                 delivery::one_segment,
                 after::reset},
            });
    }

} // namespace

std::vector<situation> situations_for(role peer, const std::string &message) {
    std::vector<situation> all, chosen;
    add_good_peers(all, message);
    add_invalid_close_frames(all);
    add_other_ends(all, message);
    for (situation &one : all) {
        if (one.name == "Close: 1010 \"bye\"")
            one.only = role::server; // RFC 6455 section 7.4.1: a client alone sends it
        if (one.only.value_or(peer) == peer)
            chosen.push_back(std::move(one));
    }
    return chosen;
}

} // namespace check
