// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_TRUTH_THEATRE_HPP_INCLUDED
#define WSCLOSE_TESTS_TRUTH_THEATRE_HPP_INCLUDED

// Plays a scenario between a program on lws and a raw peer, and lets the judge hold what was on the wire against what
// was reported. WSCLOSE_TEST_TRANSPORT=tls plays over TLS, and with WSCLOSE_TEST_HTTP2=1 on streams of HTTP/2, as a
// server alone. WSCLOSE_TEST_DEFLATE=1 plays with permessage-deflate.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include <wsclose/format.hpp>

#include "support/http2.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "truth/judge.hpp"
#include "truth/program.hpp"
#include "truth/scenario.hpp"

namespace truth {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using test::raw_peer;

inline const lws_protocols protocols[] = {
    {"truth", wsclose::tracked<session::callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

inline bool over_http2() { return std::getenv("WSCLOSE_TEST_HTTP2") != nullptr; }
inline bool with_deflate() { return std::getenv("WSCLOSE_TEST_DEFLATE") != nullptr; }

/// The peer's side of a scenario.
class actor {
public:
    actor(raw_peer peer, const scenario &script, evidence &seen)
        : peer_(std::move(peer)), script_(script), seen_(seen) {}

    void perform() {
        for (const peer_action &a : script_.peer)
            if (!gone_)
                perform(a);
        flush();
        if (!gone_)
            finish();
        seen_.wire = peer_.unread();
        seen_.end  = peer_.end();
        if (seen_.strange)
            seen_.closes = read_wire(sent_).closes;
    }

private:
    /// What comes directly after another goes out with it, in one segment if the kernel likes.
    void perform(const peer_action &a) {
        switch (a.what) {
        case step::text:
            glued_ += with_deflate() ? peer_.frame(0xC1, "\xF2\x48\xCD\xC9\xC9\x07\0"sv) : peer_.text_frame("hello");
            break;
        case step::ping: glued_ += peer_.frame(0x89, "\x03\xE7 not a code"); break;
        case step::pong:
            if (!lws_is_old || !with_deflate()) // else lws calls a client with this pong for ever
                glued_ += peer_.frame(0x8A, "pong");
            break;
        case step::close:
        case step::close_empty:
        case step::close_half:
        case step::close_bad_code:
        case step::close_bad_utf8: close(a.body); break;
        case step::close_too_long:
            glued_ += peer_.frame(0x88, std::string(126, 'x'));
            seen_.too_long = broken_ = true;
            break;
        case step::rsv_bits: break_protocol(0xF1); break;
        case step::bad_opcode: break_protocol(0x83); break;
        case step::bad_continuation: break_protocol(0x80); break;
        case step::bytes: send_strange(a.body); break;
        case step::frame:
            send_strange(peer_.frame(static_cast<unsigned char>(a.body[0]), std::string_view(a.body).substr(1)));
            break;
        case step::half_frame:
            glued_ += peer_.text_frame("hello").substr(0, 4);
            flush();
            fin();
            break;
        case step::fin:
            flush();
            fin();
            break;
        case step::reset:
            flush();
            read_until(clock::now());
            seen_.wire  = peer_.unread();
            seen_.reset = gone_ = true;
            peer_.reset();
            break;
        case step::wait:
            flush();
            read_until(clock::now() + std::chrono::milliseconds(a.ms));
            break;
        case step::wait_deaf:
            flush();
            std::this_thread::sleep_for(std::chrono::milliseconds(a.ms));
            break;
        }
    }

    void break_protocol(unsigned char first) {
        glued_ += peer_.frame(first, "x");
        broken_ = true;
    }

    void send_strange(const std::string &bytes) {
        glued_ += bytes;
        seen_.strange = seen_.broke = broken_ = true;
    }

    void close(const std::string &body) {
        glued_ += peer_.close_frame(body);
        seen_.closes.push_back(body);
        seen_.broke = seen_.broke || broken_;
    }

    void fin() {
        if (seen_.fin)
            return;
        peer_.send_fin();
        seen_.fin = broken_ = true;
    }

    void flush() {
        if (!glued_.empty())
            peer_.send(glued_);
        sent_ += glued_;
        glued_.clear();
        peer_.let_go();
    }

    bool over() const { return peer_.end() != test::stream_end::never; }

    void read_until(clock::time_point limit) {
        while (!over()) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - clock::now()).count();
            if (!peer_.read_for(left > 0 ? static_cast<int>(left) : 0) && left <= 0)
                return;
            answer();
        }
    }

    /// Answers the first Close frame that came, if this is a peer that does and has not closed before.
    void answer() {
        if (script_.rest != manner::answers || !seen_.closes.empty() || seen_.fin)
            return;
        const wire w = read_wire(peer_.unread());
        if (w.closes.empty())
            return;
        flush();
        close(w.closes[0]);
        flush();
    }

    void finish() {
        if (script_.rest == manner::deaf)
            std::this_thread::sleep_for(16s); // longer than the program may take
        const auto begin = clock::now();
        read_until(begin + (script_.hurries ? 20ms : 150ms));
        const bool waits = !over() && seen_.closes.empty() && read_wire(peer_.unread()).closes.empty();
        if (seen_.strange && !over()) // a frame that it has begun may swallow all that follows
            fin();
        else if (waits && !seen_.fin && (script_.seed % 3 || !script_.may_end_tcp)) { // nobody has ended it
            close(body(1000, "enough"));
            flush();
        } else if (waits) {
            fin();
        }
        // lws does not always end a stream of HTTP/2 whose peer has ended it.
        read_until(begin + (script_.hurries && over_http2() ? 1s : 25s));
    }

    raw_peer        peer_;
    const scenario &script_;
    evidence       &seen_;
    std::string     glued_, sent_;
    bool            broken_ = false;
    bool            gone_   = false;
};

struct totals {
    std::mutex                 mutex;
    std::map<std::string, int> counts;
    int                        played = 0, judged = 0, wrong = 0;

    void add(const char *what) { ++counts[what]; }
};

class theatre {
public:
    theatre() : host_(protocols, options()) {}

    /// Serves until no session is left, or for 30 s: a report comes just before its session ends, and a program may
    /// have a session for a peer that never saw the response.
    void settle() {
        for (int i = 0; i < 3000 && total.alive != 0; ++i)
            host_.pass(10 * LWS_US_PER_MS);
    }

    /// Plays a scenario. Returns what is wrong.
    std::string play_one(int number, const scenario &s, totals &all) {
        play           p(s);
        test::listener listener;
        evidence       seen;
        stage::enter(number, p);
        try {
            raw_peer peer = s.lws_is == role::server ? connect(number) : accept(listener, p);
            peer.keep_little();
            actor(std::move(peer), s, seen).perform();
        } catch (const std::exception &error) {
            // The program may have ended it before the peer had read the response.
            stage::leave(number);
            return p.established && !p.acted ? std::string("the peer failed: ") + error.what() : std::string();
        }
        const bool told = p.wait_for_end(30s);
        stage::leave(number);
        const std::string                 wrong = !told ? "no report"
                                                  : p.ends() != 1
                                                      ? std::to_string(p.ends()) + " reports"
                                                      : judge(s, seen, *p.report(), p.acted, p.killed,
                                                              test::default_transport() == test::transport::tcp, p.seconds_to_close());
        const std::lock_guard<std::mutex> lock(all.mutex);
        if (!wrong.empty())
            std::fprintf(stderr, "%s\n  %llu: %s\n  report: %s\n  wire: %zu bytes, %s, Close frames: %s\n",
                         wrong.c_str(), static_cast<unsigned long long>(s.seed), describe(s).c_str(),
                         told ? wsclose::text_line(*p.report()).c_str() : "none", seen.wire.size(),
                         seen.end == test::stream_end::fin     ? "FIN"
                         : seen.end == test::stream_end::reset ? "reset"
                                                               : "no end",
                         closes(seen).c_str());
        if (!told) { // lws may still use what this scenario had
            std::fflush(nullptr);
            std::abort();
        }
        const wsclose::close_report report = *p.report();
        all.add(s.lws_is == role::server ? "as server" : "as client");
        all.add(("by " + std::string(name(report.initiator()))).c_str());
        if (report.clean())
            all.add("clean");
        if (report.sent())
            all.add("sent");
        if (report.received())
            all.add("received");
        if (report.sent() && read_wire(seen.wire).closes.empty())
            all.add("sent, and lost with a reset");
        ++all.judged;
        return wrong;
    }

private:
    static test::host_options options() {
        test::host_options o;
        o.extensions = with_deflate() ? test::deflate : nullptr;
        return o;
    }

    static std::string closes(const evidence &seen) {
        std::string out;
        for (const std::string &body : read_wire(seen.wire).closes) {
            const wsclose::parse_result parsed = wsclose::close_frame::parse(body);
            out += parsed ? std::string(wsclose::text_line(parsed.frame).view()) + " " : "(invalid) ";
        }
        return out.empty() ? "none" : out;
    }

    raw_peer connect(int number) const {
        if (over_http2())
            return raw_peer::connect_by(host_.port(), [number](int fd) {
                return std::make_unique<test::http2_stream>(fd, "truth", std::to_string(number),
                                                            with_deflate() ? "permessage-deflate" : "");
            });
        return raw_peer::connect(host_.port(), "truth", test::default_transport(),
                                 with_deflate() ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "",
                                 std::to_string(number));
    }

    raw_peer accept(const test::listener &listener, play &p) {
        {
            const std::lock_guard<std::mutex> lock(connecting_);
            host_.connect(listener.port(), "truth", nullptr, &p);
        }
        return raw_peer::accept(listener, "truth", test::default_transport(),
                                with_deflate() ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "",
                                p.script.directly);
    }

    test::lws_host host_;
    std::mutex     connecting_;
};

} // namespace truth

#endif // WSCLOSE_TESTS_TRUTH_THEATRE_HPP_INCLUDED
