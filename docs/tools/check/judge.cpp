// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "situation.hpp"

#include <algorithm>
#include <cstdio>

#include "text.hpp"

namespace check {
namespace {

    constexpr double      soon    = 3;  // seconds; longer is not "immediately"
    constexpr std::size_t longest = 44; // bytes of text that are shown

    std::uint16_t code_of(std::string_view body) {
        return body.size() < 2 ? std::uint16_t{1005}
                               : static_cast<std::uint16_t>(wsclose::detail::code_in(body.data()));
    }

    /// Whether a Close frame says that something was wrong.
    bool complains(std::string_view body) {
        const std::uint16_t code = code_of(body);
        return code != 1000 && code != 1001 && code != 1005;
    }

    std::string in_seconds(double seconds) {
        char text[32];
        std::snprintf(text, sizeof text, seconds < 0.1 ? "at once" : "after %.1f s", seconds);
        return text;
    }

    /// Collects what is wrong.
    class judgement {
    public:
        judgement(const situation &what, const observation &seen, role peer)
            : what_(what), seen_(seen), peer_(peer), close_(seen.close()) {}

        std::vector<finding> findings() {
            judge_frames();
            if (close_)
                judge_close_body(close_->payload);
            judge_what_follows_close();
            judge_answer();
            judge_end();
            return std::move(found_);
        }

    private:
        bool open() const { return seen_.end == test::stream_end::never; }

        void broken(const std::string &text) { add(grade::broken, text); }
        void poor(const std::string &text) { add(grade::poor, text); }
        void add(grade how, const std::string &text) {
            for (const finding &one : found_)
                if (one.text == text)
                    return;
            found_.push_back({how, text});
        }

        void judge_frames() {
            for (const seen_frame &frame : seen_.frames) {
                if (frame.masked != (peer_ == role::client))
                    broken(frame.masked ? "5.1: a server MUST NOT mask its frames"
                                        : "5.1: a client MUST mask its frames");
                if (frame.first & 0x70)
                    broken("5.2: a reserved bit MUST be 0, since no extension was agreed on");
                if ((frame.opcode() > 2 && frame.opcode() < 8) || frame.opcode() > 10)
                    broken("5.2: opcode " + std::to_string(frame.opcode()) + " is reserved");
                if (frame.is_control() && (frame.payload.size() > 125 || !(frame.first & 0x80)))
                    broken("5.5: a control frame MUST have at most 125 bytes and MUST NOT be fragmented");
            }
        }

        void judge_close_body(std::string_view body) {
            const std::uint16_t code = code_of(body);
            if (body.size() == 1)
                broken("5.5.1: the body of its Close frame MUST begin with two bytes of code");
            else if (body.size() >= 2 && (code == 1005 || code == 1006 || code == 1015))
                broken("7.4.1: its Close frame has the code " + std::to_string(code) + ", which MUST NOT be sent");
            else if (code < 1000 || code > 4999)
                broken("5.5.1, 7.4: its Close frame has the code " + std::to_string(code) +
                       ", but MUST have one that section 7.4 defines");
            else if (code != 1005 && !wsclose::is_receivable(wsclose::close_code{code}))
                poor("7.4.2: its Close frame has the code " + std::to_string(code) +
                     ", which is reserved, and which other programs refuse");
            if (body.size() > 2 && !wsclose::utf8::validate(body.substr(2)))
                broken("5.5.1, 8.1: the text of its Close frame is not UTF-8, so that its receiver MUST fail");
        }

        void judge_what_follows_close() {
            bool closed = false;
            for (const seen_frame &frame : seen_.frames) {
                if (closed && !frame.is_control())
                    broken("5.5.1: it MUST NOT send data behind its Close frame");
                if (closed && frame.is_close())
                    poor("5.5.1: it sends more than one Close frame");
                closed = closed || frame.is_close();
            }
            if (!seen_.rest.empty() && !open() && (closed || what_.asks == demand::answer))
                poor("it ends within a frame");
        }

        void judge_answer() {
            const char *const section = what_.rule;
            switch (what_.asks) {
            case demand::answer:
                if (close_)
                    return;
                return broken(open() ? "5.5.1: it MUST answer with a Close frame, and does not"
                                     : "5.5.1: it MUST answer with a Close frame, and ends TCP without one");
            case demand::answer_softly:
                if (!close_)
                    poor(!seen_.delivered ? "it stops reading, so that no Close frame reaches it"
                         : what_.how == delivery::unread
                             ? "7.1.7: it ends TCP without a Close frame, which it SHOULD send first"
                             : "5.5.1: our Close frame stays without answer, because of what is right behind it");
                return;
            case demand::answer_or_refuse:
            case demand::refuse:
                if (!close_ && open())
                    broken("5.5.1: it MUST answer a Close frame, or fail the connection, and does neither");
                break;
            case demand::fail:
            case demand::fail_quietly:
                if (!close_ && open())
                    broken(std::string(section, std::string_view(section).find(' ')) +
                           ": the connection MUST fail, and goes on");
                break;
            case demand::end:
                if (open())
                    poor("our side of TCP has ended, and it keeps its own open");
                return;
            case demand::survive: return;
            }
            judge_complaint();
        }

        /// Does its Close frame, if it has to send one, say what was wrong?
        void judge_complaint() {
            if (!close_) {
                if (!open() && what_.asks != demand::fail_quietly)
                    poor("7.1.7, 10.7: it ends TCP without a Close frame, which it SHOULD send first");
            } else if ((what_.asks == demand::refuse || what_.asks == demand::fail) && !complains(close_->payload) &&
                       found_.empty()) {
                poor("7.1.7, 10.7: its Close frame SHOULD say that something was wrong");
            }
        }

        void judge_end() {
            if (!close_ || what_.asks == demand::end || what_.then == after::keep_tcp)
                return;
            const bool        late   = seen_.ended - close_->at > soon;
            const bool        failed = what_.asks != demand::answer && complains(close_->payload);
            const std::string when   = open() ? "does not end TCP" : "ends TCP only " + in_seconds(seen_.ended);
            if (failed && (open() || late)) // our frame was no Close frame for it
                poor("7.1.7, 7.1.1: it fails the connection, but " + when + "; a server SHOULD do so immediately");
            else if (open())
                broken("5.5.1: each side has sent a Close frame, so it MUST end TCP, and does not");
            else if (late)
                poor("5.5.1: it " + when + "; a server MUST do so immediately");
            // Only if we sent nothing behind its Close frame: what reaches a closed socket brings a reset.
            if (peer_ == role::server && what_.asks == demand::answer && what_.how == delivery::one_segment &&
                what_.frames.size() == 1 && seen_.end == test::stream_end::reset)
                poor("7.1.1: it resets TCP, which SHOULD end cleanly");
        }

        const situation     &what_;
        const observation   &seen_;
        role                 peer_;
        const seen_frame    *close_;
        std::vector<finding> found_;
    };

} // namespace

std::vector<finding> judge(const situation &what, const observation &seen, role peer) {
    return judgement(what, seen, peer).findings();
}

std::string shown_body(std::string_view body) {
    if (body.size() < 2)
        return body.empty() ? "Close without a code" : "Close with one byte";
    const std::string      code   = std::to_string(code_of(body));
    const std::string_view reason = body.substr(2);
    std::size_t            size   = std::min(longest, reason.size());
    while (size < reason.size() && (reason[size] & 0xC0) == 0x80) // not within a code point
        --size;
    return reason.empty() ? code : code + ' ' + in_quotes(reason.substr(0, size)) + (size < reason.size() ? "..." : "");
}

std::string shown(const situation &what, const observation &seen) {
    if (what.then == after::reset)
        return "-";
    std::string out;
    std::size_t data = 0, pongs = 0;
    for (const seen_frame &frame : seen.frames) {
        data += !frame.is_control();
        pongs += frame.opcode() == 10;
        if (frame.is_close())
            out += (out.empty() ? "" : ", ") + shown_body(frame.payload) + ' ' + in_seconds(frame.at);
    }
    if (out.empty())
        out = "no Close frame";
    if (data > 0)
        out += ", " + std::to_string(data) + " data frame" + (data > 1 ? "s" : "");
    if (pongs > 0)
        out += ", " + std::to_string(pongs) + " pong" + (pongs > 1 ? "s" : "");
    if (seen.end == test::stream_end::never)
        return out + "; TCP still open " + in_seconds(seen.ended);
    return out + (seen.end == test::stream_end::reset ? "; it reset TCP " : "; it ended TCP ") + in_seconds(seen.ended);
}

} // namespace check
