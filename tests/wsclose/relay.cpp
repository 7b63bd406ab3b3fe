// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/relay.hpp>

#include <string>
#include <string_view>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"

using namespace wsclose;

namespace {

// ---- the ending of the other leg

close_report over(close_handshake &handshake, cause why = cause::fin) {
    handshake.transport_closed(why);
    return handshake.report();
}

parse_result received(unsigned code, std::string_view text = "") {
    const std::string body{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
    return close_frame::parse(body + std::string(text));
}

close_report peer_closed(const parse_result &result, bool code_uncertain = false) {
    close_handshake handshake;
    handshake.receive(result, code_uncertain);
    return over(handshake);
}

close_report peer_closed(unsigned code, std::string_view text) { return peer_closed(received(code, text)); }

close_report peer_closed_first(unsigned code, std::string_view text) { // and our frame was its answer
    close_handshake handshake;
    handshake.request(frame<close_code::policy_violation>("ours"));
    handshake.receive(received(code, text));
    return over(handshake);
}

close_report we_closed(const close_frame &frame, std::string_view answer = "\x03\xE8yours") {
    close_handshake handshake;
    handshake.send(frame);
    handshake.receive(close_frame::parse(answer));
    return over(handshake);
}

close_report we_closed(unsigned code, std::string_view text) {
    return we_closed(close_frame::make(static_cast<close_code>(code), text).frame);
}

close_report we_wanted_to_close(unsigned code, std::string_view text) {
    close_handshake handshake;
    handshake.request(close_frame::fit(static_cast<close_code>(code), text));
    return over(handshake);
}

close_report our_frame_was_lost(unsigned code, std::string_view text) { // the peer's came in
    close_handshake handshake;
    handshake.send(frame<close_code::policy_violation>("ours"));
    handshake.receive(received(code, text));
    handshake.lose();
    return over(handshake);
}

close_report stack_failed_it(unsigned code, std::string_view text) {
    close_handshake handshake;
    handshake.fail(close_frame::fit(static_cast<close_code>(code), text));
    handshake.send();
    return over(handshake);
}

close_report lost(cause why) {
    close_handshake handshake;
    return over(handshake, why);
}

close_report closed_unseen() {
    close_handshake handshake;
    handshake.receive_unseen();
    return over(handshake);
}

close_report never_connected(std::string_view error, cause why = cause::refused) {
    close_handshake handshake;
    handshake.connect_failed({error, why});
    return handshake.report();
}

// ---- what is relayed

/// As text, `1001 bye`; an empty frame is `-`.
std::string words(const close_frame &frame) {
    if (!frame.has_code())
        return "-";
    const std::string code = std::to_string(static_cast<unsigned>(frame.code()));
    return frame.reason().empty() ? code : code + " " + std::string(frame.reason());
}

const std::string long_text(121, 'x'); // with the U+00E9 behind it as long as a text may be

struct row {
    std::string  what;
    close_report ending;
    std::string  to_backend; // a client sends it
    std::string  to_browser; // a server sends it
};

const row rows[] = {
    {"the peer closes: no code", peer_closed(close_frame::parse("")), "-", "-"},
    {"the peer closes: done", peer_closed(1000, "bye"), "1000 bye", "1000 bye"},
    {"the peer closes: no text", peer_closed(1000, ""), "1000", "1000"},
    {"the peer closes: leaves", peer_closed(1001, "bye"), "1001 bye", "1001 bye"},
    {"the peer closes: our framing", peer_closed(1002, "rsv"), "1001 rsv", "1014 rsv"},
    {"the peer closes: type of a message", peer_closed(1003, "text"), "1003 text", "1003 text"},
    {"the peer closes: data of a message", peer_closed(1007, "utf8"), "1007 utf8", "1007 utf8"},
    {"the peer closes: policy", peer_closed(1008, "no"), "1008 no", "1008 no"},
    {"the peer closes: size", peer_closed(1009, "big"), "1009 big", "1009 big"},
    {"the peer closes: our extensions", peer_closed(1010, "zip"), "1001 zip", "1014 zip"},
    {"the peer closes: its error", peer_closed(1011, "oops"), "1011 oops", "1011 oops"},
    {"the peer closes: restarts", peer_closed(1012, "soon"), "1012 soon", "1012 soon"},
    {"the peer closes: overload", peer_closed(1013, "later"), "1013 later", "1013 later"},
    {"the peer closes: its own backend", peer_closed(1014, "dead"), "1014 dead", "1014 dead"},
    {"the peer closes: IANA", peer_closed(3000, "who"), "3000 who", "3000 who"},
    {"the peer closes: private", peer_closed(4999, "own"), "4999 own", "4999 own"},
    {"the peer closes: long", peer_closed(4000, long_text + "\xC3\xA9"), "4000 " + long_text + "\xC3\xA9",
     "4000 " + long_text + "\xC3\xA9"},

    {"the code may be another", peer_closed(received(1002, "1013?"), true), "1001 1013?", "1014 1013?"},
    {"any code may be another", peer_closed(received(1000, "?"), true), "1001 ?", "1014 ?"},
    {"half a code", peer_closed(close_frame::parse("\x03")), "1001", "1014"},
    {"a forbidden code", peer_closed(1005, "x"), "1001", "1014"},
    {"text that is not UTF-8", peer_closed(1000, "\xFF"), "1001", "1014"},
    {"a body that is too long", peer_closed(1000, std::string(124, 'x')), "1001", "1014"},
    {"the peer is faster than we are", peer_closed_first(4001, "theirs"), "4001 theirs", "4001 theirs"},
    {"only the peer's frame is seen", our_frame_was_lost(4001, "theirs"), "4001 theirs", "4001 theirs"},
    {"its frame is not seen", closed_unseen(), "1001", "1014"},

    {"we close: no code", we_closed(close_frame()), "-", "-"},
    {"we close: done", we_closed(1000, "bye"), "1000 bye", "1000 bye"},
    {"we close: the proxy stops", we_closed(1001, "bye"), "1001 bye", "1001 bye"},
    {"we close: its framing", we_closed(1002, "you"), "1001", "1014"},
    {"we close: type of its message", we_closed(1003, "you"), "1001", "1014"},
    {"we close: data of its message", we_closed(1007, "you"), "1001", "1014"},
    {"we close: its conduct", we_closed(1008, "you"), "1001", "1014"},
    {"we close: size of its message", we_closed(1009, "you"), "1001", "1014"},
    {"we close: its extensions", we_closed(1010, "you"), "1001", "1014"},
    {"we close: our error", we_closed(1011, "oops"), "1011 oops", "1011 oops"},
    {"we close: we restart", we_closed(1012, "soon"), "1012 soon", "1012 soon"},
    {"we close: overload", we_closed(1013, "later"), "1013 later", "1013 later"},
    {"we close: no backend", we_closed(1014, "dead"), "1001", "1014"},
    {"we close: who is it", we_closed(3000, "you"), "1001", "1014"},
    {"we close: it is slow", we_closed(3008, "you"), "1001", "1014"},
    {"we close: private", we_closed(4001, "you"), "1001", "1014"},
    {"we close, and the answer is invalid", we_closed(frame<close_code::going_away>("bye"), "x"), "1001 bye",
     "1001 bye"},
    {"our frame did not go out", we_wanted_to_close(1000, "bye"), "1001", "1014"},

    {"the peer breaks the protocol", stack_failed_it(1002, "rsv bits"), "1001", "1014"},
    {"a text message is not UTF-8", stack_failed_it(1007, "bad utf8"), "1001", "1014"},
    {"the peer does not answer a ping", lost(cause::no_pong), "1001", "1014"},
    {"TCP breaks", lost(cause::reset), "1001", "1014"},
    {"our program drops TCP", lost(cause::dropped), "1001", "1014"},

    {"nobody listens", never_connected("refused"), "1001 refused", "1014 refused"},
    {"nobody says why", never_connected(""), "1001 the connection failed", "1014 the connection failed"},
    {"not UTF-8", never_connected("caf\xE9"), "1001 caf\xEF\xBF\xBD", "1014 caf\xEF\xBF\xBD"},
    {"TLS fails", never_connected("not trusted", cause::tls_failed), "1001 not trusted", "1014 not trusted"},
};

// ---- what may be relayed, by hand from the IANA registry

bool may_be_sent(unsigned code, role sender) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1009) ||
           (code == 1010 && sender == role::client) || (code >= 1011 && code <= 1014) || (code >= 3000 && code <= 4999);
}

bool is_about_one_connection(unsigned code) { return code == 1002 || code == 1010; }

bool is_valid(const close_frame &frame) { // a client may send whatever a server may
    return !frame.has_code() || (may_be_sent(static_cast<unsigned>(frame.code()), role::server) &&
                                 close_frame::parse({frame.data(), frame.size()}).frame == frame);
}

} // namespace

TEST_CASE("each ending of a leg becomes the frame that tells the other leg's peer the truth") {
    for (const row &row : rows) {
        INFO(row.what);
        CHECK(words(relayed(row.ending, role::client)) == row.to_backend);
        CHECK(words(relayed(row.ending, role::server)) == row.to_browser);
    }
}

TEST_CASE("after every ending with every code, what is relayed is valid for both roles and blames nobody wrongly") {
    unsigned invalid = 0, wrong_blame = 0, lost_text = 0;
    for (unsigned code = 0; code <= 0xFFFF; ++code) {
        const close_report endings[] = {
            peer_closed(code, "x"),       peer_closed(received(code, "x"), true),
            peer_closed_first(code, "x"), our_frame_was_lost(code, "x"),
            we_closed(code, "x"),         we_wanted_to_close(code, "x"),
            stack_failed_it(code, "x"),
        };
        for (const role sender : {role::client, role::server}) {
            for (const close_report &ending : endings) {
                const close_frame frame = relayed(ending, sender);
                invalid += !is_valid(frame);
                wrong_blame += is_about_one_connection(static_cast<unsigned>(frame.code()));
            }
            invalid += !is_valid(relayed(received(code, "x"), sender));
            if (may_be_sent(code, role::client))
                lost_text += relayed(endings[0], sender).reason() != "x";
        }
    }
    CHECK(invalid == 0);
    CHECK(wrong_blame == 0);
    CHECK(lost_text == 0);
}

TEST_CASE("a code of the peer's is passed on unless it is about that one connection") {
    unsigned wrong = 0;
    for (unsigned code = 0; code <= 0xFFFF; ++code) {
        const bool is_passed_on = may_be_sent(code, role::server) && !is_about_one_connection(code);
        for (const role sender : {role::client, role::server}) {
            const unsigned otherwise    = sender == role::server ? 1014 : 1001;
            const auto     relayed_code = static_cast<unsigned>(relayed(peer_closed(code, ""), sender).code());
            wrong += relayed_code != (is_passed_on ? code : otherwise);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("a Close frame of the peer's can be relayed before its connection has ended, with the same result") {
    unsigned different = 0;
    for (unsigned code = 0; code <= 0xFFFF; ++code)
        for (const role sender : {role::client, role::server})
            different += relayed(received(code, "x"), sender) != relayed(peer_closed(code, "x"), sender);
    CHECK(different == 0);
    CHECK(words(relayed(close_frame::parse(""), role::client)) == "-");
    CHECK(words(relayed(close_frame::parse("\x03"), role::server)) == "1014");
}

TEST_CASE("a frame is relayed at compile time too") {
    constexpr close_frame from_nothing = relayed(close_report(), role::server);
    static_assert(from_nothing.code() == close_code::bad_gateway);
    static_assert(relayed(close_frame::parse("\x03\xE8"
                                             "bye"),
                          role::client) == frame<close_code::normal_closure>("bye"));
    CHECK(from_nothing.reason().empty());
}

// What docs/relaying.md warns of.
TEST_CASE("passing on the code of a report as it is tells the other leg's peer something else") {
    const struct {
        close_report ending;
        role         sender;
        std::string  as_it_is;
        std::string  relayed;
    } cases[] = {
        {peer_closed(close_frame::parse("")), role::server, "1011", "-"},
        {lost(cause::reset), role::server, "1011", "1014"},
        {lost(cause::reset), role::client, "1011", "1001"},
        {never_connected("refused"), role::server, "1011", "1014 refused"},
        {peer_closed(close_frame::parse("\x03")), role::server, "1002 Close frame with half a code", "1014"},
        {stack_failed_it(1002, "rsv bits"), role::client, "1002 rsv bits", "1001"},
        {peer_closed(received(1002, "overload"), true), role::client, "1002 overload", "1001 overload"},
        {we_closed(1008, "too many messages"), role::client, "1008 too many messages", "1001"},
        {peer_closed(1010, "deflate"), role::server, "1011 deflate", "1014 deflate"},
    };
    for (const auto &one : cases) {
        CHECK(words(close_frame::fit(one.ending.code(), one.ending.reason(), one.sender)) == one.as_it_is);
        CHECK(words(relayed(one.ending, one.sender)) == one.relayed);
    }
}
