// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "situation.hpp"

namespace check {
namespace {

    constexpr unsigned char fin = 0x80, rsv1 = 0x40, rsv2 = 0x20, text = 1, close = 8, ping = 9;

    std::string body(unsigned code, const std::string &reason = "") {
        return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} + reason;
    }

    frame_to_send bye(unsigned code = 1000) { return {fin | close, body(code, "bye")}; }
    frame_to_send close_with(const std::string &reason) { return {fin | close, body(1000, reason)}; }

    std::vector<frame_to_send> many(std::size_t times, const frame_to_send &what) {
        return std::vector<frame_to_send>(times, what);
    }

    std::string repeated(const std::string &what, int times) {
        std::string out;
        while (times-- > 0)
            out += what;
        return out;
    }

    /// Situations, each under the rule that was set last.
    class table {
    public:
        explicit table(role peer) : peer_(peer) {}

        void set_rule(demand asks, const char *rule) {
            asks_ = asks;
            rule_ = rule;
        }
        situation &add(const std::string &name, std::vector<frame_to_send> frames) {
            all.push_back({name, std::move(frames), asks_, rule_});
            return all.back();
        }
        void add_codes(const std::vector<unsigned> &codes, const std::string &comment) {
            for (const unsigned code : codes)
                add("Close: " + std::to_string(code) + comment, {bye(code)});
        }
        bool is_for(role peer) const { return peer_ == peer; }

        std::vector<situation> all;

    private:
        role        peer_;
        demand      asks_ = demand::answer;
        const char *rule_ = nullptr;
    };

    void add_good_peers(table &t, const frame_to_send &hello) {
        t.set_rule(
            demand::answer,
            "5.5.1 MUST: a Close frame in answer, typically with the same code; then the server ends TCP at once");
        t.add("Close: 1000 \"bye\"", {bye()});
        t.add("Close: 1000 without text", {close_with("")});
        t.add("Close: an empty body", {{fin | close, ""}});
        t.add("Close: 1000 and 123 bytes of text", {close_with(std::string(123, 'x'))});
        t.add("Close: 1000 and 41 times 日", {close_with(repeated("日", 41))});
        t.add_codes({1001, 1003, 1008, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}, " \"bye\"");
        if (t.is_for(role::server))
            t.add_codes({1010}, " \"bye\""); // which a client alone sends, section 7.4.1
        t.add("Close, byte by byte", {bye()}).how = delivery::byte_by_byte;
        t.add("Close behind text, in one segment", {hello, bye()});
        t.add("Close behind a ping, in one segment", {{fin | ping, "1"}, bye()});
        t.add("Close within a fragmented message", {{text, hello.payload}, bye()});
        if (t.is_for(role::client))
            t.add("Close and the 101 in one segment", {bye()}).how = delivery::with_the_101;

        t.set_rule(demand::answer, "5.5.1 MUST: one Close frame in answer, no data behind it, then the end of TCP");
        t.add("Close, then text", {bye(), hello});
        t.add("Close, then a ping", {bye(), {fin | ping, "1"}});
        t.add("Close, then another Close: 1001", {bye(), bye(1001)});

        t.set_rule(demand::answer, "5.5.1: a client SHOULD wait for the server to end TCP, but MAY end it at any time");
        if (t.is_for(role::client))
            t.add("Close; the server does not end TCP", {bye()}).then = after::keep_tcp;
    }

    void add_busy_peers(table &t) {
        t.set_rule(demand::answer_softly,
                   "5.5.1: a Close frame in answer; a program may have limits (10.4), and SHOULD "
                   "then send a Close frame too (7.1.7)");
        situation &pings =
            t.add("Close behind 1000 pings, pongs unread", many(1000, {fin | ping, std::string(125, 'p')}));
        pings.how = delivery::unread;
        pings.frames.push_back(bye());
        situation &texts =
            t.add("Close behind 1 MB of text, echo unread", many(64, {fin | text, std::string(16384, 't')}));
        texts.how = delivery::unread;
        texts.frames.push_back(bye());

        t.set_rule(demand::answer_softly,
                   "5.5.1: a Close frame in answer; what follows ours may end the connection before");
        t.add("Close, then an invalid frame", {bye(), {0xFF, std::string(996, '\xFF')}});
        t.add("Close, then FIN", {bye()}).then = after::fin;
    }

    void add_invalid_close_frames(table &t) {
        t.set_rule(demand::refuse, "5.5.1 MUST: a body begins with two bytes of code; 10.7 SHOULD: a Close frame that "
                                   "says so (1002), then the end");
        t.add("Close: one byte, half a code", {{fin | close, "\x03"}});

        t.set_rule(demand::refuse,
                   "5.5.1 MUST: a code that section 7.4 defines; 10.7 SHOULD: a Close frame that says so "
                   "(1002), then the end");
        t.add_codes({0, 999, 1005, 1006, 1015, 5000, 65535}, ", a forbidden code");

        t.set_rule(
            demand::answer_or_refuse,
            "7.4.2: reserved for the protocol; 5.5.1 MUST: a Close frame in answer, with a code that is defined");
        t.add_codes({1004, 1016, 2999}, ", reserved for later");

        t.set_rule(demand::refuse, "5.5 MUST: at most 125 bytes, in one frame; 10.7 SHOULD: a Close frame that says so "
                                   "(1002), then the end");
        t.add("Close: 126 bytes", {close_with(std::string(124, 'x'))});
        t.add("Close: 1000 bytes", {close_with(std::string(998, 'x'))});
        t.add("Close in two fragments", {{close, body(1000)}, {fin, "bye"}});
    }

    void add_what_must_fail(table &t, const frame_to_send &hello) {
        t.set_rule(demand::fail, "8.1 MUST: fail the connection if text is not UTF-8; 7.1.7 SHOULD: with a Close frame "
                                 "that says so (1007)");
        t.add("Close: text that is not UTF-8 (FF)", {close_with("bye\xFF")});
        t.add("Close: text with half a 日", {close_with("\xE6\x97")});
        t.add("Close: text with a surrogate", {close_with("\xED\xA0\x80")});
        t.add("text that is not UTF-8", {{fin | text, "hello\xFF"}});

        t.set_rule(demand::fail, "5.2 MUST: fail the connection if a reserved bit is set; 7.1.7 SHOULD: with a Close "
                                 "frame that says so (1002)");
        t.add("Close with the bit RSV1", {{fin | rsv1 | close, body(1000, "bye")}});
        t.add("Close with the bit RSV2", {{fin | rsv2 | close, body(1000, "bye")}});
        t.add("text with the bit RSV2", {{fin | rsv2 | text, hello.payload}});

        t.set_rule(demand::fail_quietly,
                   "5.1 MUST: close the connection if the mask is missing (server) or there is one "
                   "(client); MAY: with 1002");
        t.add("Close masked wrongly", {bye()}).frames[0].wrong_mask = true;
        t.add("text masked wrongly", {hello}).frames[0].wrong_mask  = true;

        t.set_rule(demand::fail, "5.2 MUST: fail the connection on an unknown opcode; 7.1.7 SHOULD: with a Close frame "
                                 "that says so (1002)");
        t.add("an unknown opcode for data: 3", {{fin | 3, hello.payload}});
        t.add("an unknown opcode for control: 11", {{fin | 11, ""}});

        t.set_rule(demand::fail, "5.2 MUST: fail the connection; 7.1.1 SHOULD: the server ends TCP at once, without "
                                 "waiting for an answer");
        if (t.is_for(role::server))
            t.add("opcode 11; its Close is not answered", {{fin | 11, ""}}).then = after::silent;
    }

    void add_ends_of_tcp(table &t, const frame_to_send &hello) {
        t.set_rule(demand::end, "taste: TCP ends on both sides; a connection that stays open is a leak");
        t.add("FIN without Close", {}).then = after::fin;
        situation &head                     = t.add("FIN within the head of a frame", {hello});
        head.then                           = after::fin;
        head.cut                            = hello.payload.size() + 1;
        situation &within                   = t.add("FIN within the body of a Close", {bye()});
        within.then                         = after::fin;
        within.cut                          = 2;

        t.set_rule(demand::survive, "taste: the next connection is served");
        t.add("RST without Close", {}).then    = after::reset;
        t.add("Close, then RST", {bye()}).then = after::reset;
    }

} // namespace

std::vector<situation> situations_for(role peer, const std::string &message) {
    const frame_to_send hello{fin | text, message};
    table               t(peer);
    add_good_peers(t, hello);
    add_busy_peers(t);
    add_invalid_close_frames(t);
    add_what_must_fail(t, hello);
    add_ends_of_tcp(t, hello);
    return std::move(t.all);
}

} // namespace check
