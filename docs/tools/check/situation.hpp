// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DOCS_TOOLS_CHECK_SITUATION_HPP_INCLUDED
#define WSCLOSE_DOCS_TOOLS_CHECK_SITUATION_HPP_INCLUDED

// What `./dev check` plays against the program under check, what it sees, and what it makes of that. One table of
// situations is for servers and for clients.

#include <string>
#include <string_view>
#include <vector>

#include <wsclose.hpp>

#include "support/raw_peer.hpp"

namespace check {

using wsclose::role;

/// A frame that we send.
struct frame_to_send {
    unsigned char first; // FIN, reserved bits, opcode
    std::string   payload;
    bool          wrong_mask = false; // as the other side would have to write it
};

enum class delivery {
    one_segment,
    byte_by_byte,
    unread,      ///< we read only when the peer takes no more, or has everything
    with_the_101 ///< in one segment with the answer to the client's request
};

/// What we do when everything is sent. In every case but `silent`, a Close frame of the peer's is answered.
enum class after {
    wait,
    fin,      ///< end our side of TCP
    reset,    ///< reset TCP
    silent,   ///< answer no Close frame
    keep_tcp, ///< as a server, do not end TCP
};

/// What RFC 6455 asks for.
enum class demand {
    answer,           ///< a Close frame, since ours is valid
    answer_softly,    ///< the same, but something behind ours may keep the peer from it
    answer_or_refuse, ///< a Close frame; one that says what was wrong is as good
    refuse,           ///< the end, with a Close frame that says what was wrong
    fail,             ///< the same, and the RFC says in so many words that the connection MUST fail
    fail_quietly,     ///< the connection must be closed; a Close frame MAY say why
    end,              ///< that the peer ends its side of TCP too
    survive,          ///< nothing, but to live on
};

struct situation {
    std::string                name;
    std::vector<frame_to_send> frames;
    demand                     asks;
    const char                *rule; // the section and what it says
    delivery                   how  = delivery::one_segment;
    after                      then = after::wait;
    std::size_t                cut  = 0; // bytes at the end that are not sent
};

/// The situations for a peer of this role; `text` is what data frames hold.
std::vector<situation> situations_for(role peer, const std::string &text);

/// A frame that came.
struct seen_frame {
    unsigned char first;
    bool          masked;
    std::string   payload;
    double        at; // seconds

    int  opcode() const { return first & 0x0F; }
    bool is_close() const { return opcode() == 8; }
    bool is_control() const { return first & 0x08; }
};

/// What came of a situation. Times are in seconds since everything was sent.
struct observation {
    std::vector<seen_frame> frames;
    std::string             rest; // bytes that are no whole frame
    test::stream_end        end       = test::stream_end::never;
    double                  ended     = 0;    // when, or when we gave up
    bool                    delivered = true; // false: the peer took not all that we had to send

    const seen_frame *close() const { // the first
        for (const seen_frame &frame : frames)
            if (frame.is_close())
                return &frame;
        return nullptr;
    }
};

/// Plays the situation over an open WebSocket and waits at most `limit` seconds for what comes.
observation play(test::raw_peer &we, role peer, const situation &what, double limit);

enum class grade { good, poor, broken };

struct finding {
    grade       how;
    std::string text; // begins with the section, if there is one
};

/// What is wrong with what the peer did; empty if nothing is.
std::vector<finding> judge(const situation &what, const observation &seen, role peer);

/// `1000 "bye" at once, then it ended TCP after 5.0 s`
std::string shown(const situation &what, const observation &seen);

/// `1000 "bye"`, whatever the code and the bytes of the text.
std::string shown_body(std::string_view body);

} // namespace check

#endif // WSCLOSE_DOCS_TOOLS_CHECK_SITUATION_HPP_INCLUDED
