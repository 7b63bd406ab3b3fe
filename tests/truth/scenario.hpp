// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_TRUTH_SCENARIO_HPP_INCLUDED
#define WSCLOSE_TESTS_TRUTH_SCENARIO_HPP_INCLUDED

// What a program and its peer do to one connection, drawn at random from a seed: the same seed, the
// same scenario. When things happen is up to the machine.

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libwebsockets.h>

namespace truth {

enum class role { server, client };

/// When the program acts.
enum class moment { established, receive, writeable, pong, peer_close, timer };

enum class deed {
    close,          ///< asks wsclose to close
    leave_reason,   ///< lws_close_reason(), and returns 0
    leave_and_drop, ///< lws_close_reason(), and returns -1
    drop,           ///< returns -1
    kill_sync,      ///< lws_set_timeout(..., LWS_TO_KILL_SYNC), from a timer
    kill_async,     ///< lws_set_timeout(..., LWS_TO_KILL_ASYNC), from a timer
    write_small,
    write_middle,   ///< more than lws compresses at once, if it does
    write_large,    ///< more than the socket takes
    write_twice,    ///< the same, and again, which lws appends
    write_fragment, ///< the beginning of a message
    fill,           ///< small messages until the socket is full
    stop_reading,   ///< and resumes soon
    ask_to_write,   ///< connection::request_writable(), and writes then
    set_timeout,    ///< lws_set_timeout() with a minute
};

struct program_action {
    moment      when;
    int         at_ms = 0; ///< for a timer: since the connection was established
    deed        what;
    int         code = 0;
    std::string text = {};
};

enum class step {
    text,
    ping,
    pong,
    close, ///< valid
    close_empty,
    close_half, ///< a body of one byte
    close_bad_code,
    close_bad_utf8,
    close_too_long, ///< 126 bytes
    rsv_bits,
    bad_opcode,
    bad_continuation,
    bytes,      ///< as they are
    frame,      ///< any first byte, with any payload
    half_frame, ///< and ends TCP
    fin,
    reset,
    wait,      ///< reads meanwhile
    wait_deaf, ///< does not read
};

struct peer_action {
    step        what;
    int         ms   = 0;
    std::string body = {}; ///< of a Close frame; what is sent by `bytes` and `frame`
};

/// What the peer does after its steps, until the stream ends.
enum class manner {
    answers, ///< a Close frame with the same
    silent,  ///< reads
    deaf,    ///< does not read until the program must have given up
};

struct scenario {
    std::uint64_t               seed;
    role                        lws_is;
    std::vector<program_action> program;
    std::vector<peer_action>    peer;
    manner                      rest;
    bool                        may_end_tcp; ///< the peer, before lws does
    bool                        directly; ///< the peer's first bytes come in one segment with its response to a client
    bool                        hurries = false; ///< nobody waits longer than 0.3 s for the other
};

class dice {
public:
    explicit dice(std::uint64_t seed) : engine_(seed) {}

    /// Loaded: each byte decides one throw, and zeros the rest.
    explicit dice(std::string_view script) : script_(script), is_loaded_(true) {}

    int  below(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
    bool one_in(int n) { return below(n) == 0; }
    template <class T>
    T of(std::initializer_list<T> all) {
        return all.begin()[below(static_cast<int>(all.size()))];
    }

private:
    std::uint64_t next() {
        if (!is_loaded_)
            return engine_();
        const std::uint64_t thrown = script_.empty() ? 0 : static_cast<unsigned char>(script_[0]);
        script_.erase(0, 1);
        return thrown;
    }

    std::mt19937_64 engine_;
    std::string     script_;
    bool            is_loaded_ = false;
};

inline std::string body(int code, std::string_view text) {
    return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)}.append(text);
}

inline std::string random_text(dice &d) {
    switch (d.below(6)) {
    case 0: return std::string(123, 'x');
    case 1: return "\xE3\x81\xBE\xE3\x81\x9F\xE3\x81\xAD";
    case 2: return "bye";
    case 3: return std::string(static_cast<std::size_t>(d.below(124)), 'r');
    default: return {};
    }
}

inline program_action random_action(dice &d) {
    program_action a{};
    a.when = d.of({moment::established, moment::receive, moment::receive, moment::receive, moment::writeable,
                   moment::pong, moment::peer_close, moment::timer, moment::timer, moment::timer});
    if (a.when == moment::timer)
        a.at_ms = d.of({0, 0, 1, 2, 5, 10, 50});
    a.what             = d.of({deed::close, deed::close, deed::close, deed::leave_reason, deed::leave_and_drop,
                               deed::leave_and_drop, deed::drop, deed::kill_sync, deed::kill_async, deed::write_small,
                               deed::write_middle, deed::write_large, deed::write_twice, deed::write_fragment, deed::fill,
                               deed::fill, deed::stop_reading, deed::ask_to_write, deed::set_timeout});
    const bool outside = a.what == deed::kill_sync || a.what == deed::kill_async;
    if (outside || (a.when == moment::timer && (a.what == deed::drop || a.what == deed::leave_and_drop))) {
        a.what = outside ? a.what : deed::kill_sync; // a timer returns nothing
        a.when = moment::timer;
    }
    a.code = d.of({1000, 1001, 1008, 1011, 1012, 3000, 4001, 4999});
    a.text = random_text(d);
    if (d.one_in(6)) { // what lws would send as it is
        a.code = d.of({0, 1, 999, 1005, 1006, 1015, 2999, 5000, 65535});
        a.text = d.one_in(2) ? "\xE3\x81" : a.text;
    }
    return a;
}

inline peer_action random_step(dice &d) {
    switch (d.below(22)) {
    case 0:
    case 1:
    case 2:
    case 3: return {step::text};
    case 4:
    case 5: return {step::ping};
    case 6: return {step::pong};
    case 7:
    case 8:
    case 9: return {step::close, 0, body(d.of({1000, 1001, 1002, 1007, 1012, 1014, 3000, 4001}), random_text(d))};
    case 10: return {step::close_empty};
    case 11: return {step::close_half, 0, "\x03"};
    case 12: return {step::close_bad_code, 0, body(d.of({0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000}), "x")};
    case 13: return {step::close_bad_utf8, 0, body(1000, "\xFF")};
    case 14: return {d.of({step::rsv_bits, step::bad_opcode, step::bad_continuation, step::close_too_long})};
    case 15: return {d.of({step::rsv_bits, step::half_frame})};
    case 16: return {step::fin};
    case 17: return {d.one_in(2) ? step::reset : step::fin};
    case 18:
    case 19: return {step::wait, d.of({1, 2, 5, 20})};
    default: return {step::wait_deaf, d.of({1, 2, 5, 20, 100})};
    }
}

/// 4.0 and 4.1: if the peer ends TCP while they hold data for it, they loop for ever, and serve nobody else.
inline constexpr bool lws_is_old = LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR < 2;

inline scenario make_scenario(dice &d, std::uint64_t seed, bool over_http2, bool with_deflate) {
    scenario s{seed,       d.one_in(2) && !over_http2 ? role::client : role::server, {}, {}, manner::answers, true,
               d.one_in(3)};
    for (int n = 1 + d.below(4); n > 0; --n)
        s.program.push_back(random_action(d));
    const auto ends = [](const peer_action &p) { return p.what == step::fin || p.what == step::half_frame; };
    for (int n = d.below(6); n > 0; --n) {
        s.peer.push_back(random_step(d));
        if (ends(s.peer.back()) || s.peer.back().what == step::reset)
            break;
    }
    // A peer that makes the program wait for its time limits is rare, so that many others are tried meanwhile.
    const int rest    = d.below(60);
    s.rest            = rest == 0 ? manner::deaf : rest < 3 ? manner::silent : manner::answers;
    const auto writes = [](const program_action &a) { return a.what >= deed::write_middle && a.what <= deed::fill; };
    for (program_action &a : s.program) {
        if (over_http2 && writes(a)) // lws overflows its buffers if a stream's socket is full
            a.what = deed::write_small;
        if (with_deflate && a.what >= deed::write_large && a.what <= deed::write_twice) // an assertion of lws fails
            a.what = deed::write_middle;
    }
    if (with_deflate) // from 4.3 on, lws loops if the peer resets while the rest of a message is held back
        for (peer_action &p : s.peer)
            p.what = p.what == step::reset ? step::text : p.what;
    s.may_end_tcp = !lws_is_old || std::none_of(s.program.begin(), s.program.end(), writes);
    if (!s.may_end_tcp)
        s.peer.erase(std::remove_if(s.peer.begin(), s.peer.end(), ends), s.peer.end());
    return s;
}

inline scenario make_scenario(std::uint64_t seed, bool over_http2, bool with_deflate) {
    dice d(seed * 0x9E3779B97F4A7C15u + 1);
    return make_scenario(d, seed, over_http2, with_deflate);
}

inline std::string_view name(deed what) {
    constexpr std::string_view names[] = {"close",        "leave_reason", "leave_and_drop", "drop",
                                          "kill_sync",    "kill_async",   "write_small",    "write_middle",
                                          "write_large",  "write_twice",  "write_fragment", "fill",
                                          "stop_reading", "ask_to_write", "set_timeout"};
    return names[static_cast<int>(what)];
}

inline std::string_view name(moment when) {
    constexpr std::string_view names[] = {"established", "receive", "writeable", "pong", "peer_close", "timer"};
    return names[static_cast<int>(when)];
}

inline std::string_view name(step what) {
    constexpr std::string_view names[] = {"text",           "ping",       "pong",           "close",
                                          "close_empty",    "close_half", "close_bad_code", "close_bad_utf8",
                                          "close_too_long", "rsv_bits",   "bad_opcode",     "bad_continuation",
                                          "bytes",          "frame",      "half_frame",     "fin",
                                          "reset",          "wait",       "wait_deaf"};
    return names[static_cast<int>(what)];
}

/// The scenario in a line.
inline std::string describe(const scenario &s) {
    std::string out = s.lws_is == role::server ? "server;" : "client;";
    for (const program_action &a : s.program) {
        out.append(" ").append(name(a.when));
        if (a.when == moment::timer)
            out += "@" + std::to_string(a.at_ms);
        out.append(":").append(name(a.what));
        if (a.what <= deed::leave_and_drop)
            out += "(" + std::to_string(a.code) + "," + std::to_string(a.text.size()) + " bytes)";
    }
    out += s.directly && s.lws_is == role::client ? "; peer directly:" : "; peer:";
    for (const peer_action &p : s.peer) {
        out.append(" ").append(name(p.what));
        if (p.ms)
            out += "(" + std::to_string(p.ms) + ")";
        if (p.what == step::bytes || p.what == step::frame)
            for (const char c : p.body)
                out.append(1, ' ').append(1, "0123456789abcdef"[c >> 4 & 15]).append(1, "0123456789abcdef"[c & 15]);
        else if (p.body.size() >= 2)
            out += "(" + std::to_string((p.body[0] & 0xFF) << 8 | (p.body[1] & 0xFF)) + "," +
                   std::to_string(p.body.size() - 2) + " bytes)";
    }
    return out + (s.rest == manner::answers ? " answers" : s.rest == manner::silent ? " silent" : " deaf");
}

} // namespace truth

#endif // WSCLOSE_TESTS_TRUTH_SCENARIO_HPP_INCLUDED
