// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "situations.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <wsclose/lws.hpp>

#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

namespace behaviour {
namespace {

    using test::raw_peer;
    using clock = std::chrono::steady_clock;

    // ---- one play: a situation and a flavour, with an lws context and a service thread of its own ----

    struct run {
        const situation       &what;
        flavour                which;
        clock::time_point      begin{};
        test::event_log        told{};
        test::event_log        established{};
        clock::time_point      ended_at{}; // of the last callback
        lws                   *wsi      = nullptr;
        int                    messages = 0;
        lws_sorted_usec_list_t timer    = {};

        run(const situation &s, flavour f) : what(s), which(f) {}

        void end() { // the last callback came
            lws_dll2_remove(&timer.list);
            ended_at = clock::now();
            told.add("");
        }
    };

    // The play that this service thread is for.
    thread_local run *here = nullptr;

    /// `1000 "bye"`, whatever the code and the bytes of the text.
    std::string shown(std::string_view body) {
        if (body.size() < 2)
            return body.empty() ? "an empty Close frame" : "a Close frame of one byte";
        const unsigned code = static_cast<unsigned>(static_cast<unsigned char>(body[0]) << 8) |
                              static_cast<unsigned>(static_cast<unsigned char>(body[1]));
        const wsclose::text_line quoted(
            wsclose::close_frame::fit(wsclose::close_code{4000}, body.substr(2))); // 4000 "..."
        return std::to_string(code).append(quoted.view().substr(4));
    }

    // ---- the program ----

    struct session {
        wsclose::connection ws; // left alone on bare lws
        run                *play = here;

        void on_close(const wsclose::close_report &report) {
            play->told.add(test::line_of(report));
            play->end();
        }
    };

    // Returns what the callback returns.
    int close(lws *wsi, run &r) {
        if (r.which == ours && r.what.does != act::reason_only) {
            static_cast<session *>(lws_wsi_user(wsi))
                ->ws.close(static_cast<wsclose::close_code>(r.what.code), r.what.text);
            return 0;
        }
        std::string text = r.what.text; // lws takes a pointer to non-const
        lws_close_reason(wsi, static_cast<lws_close_status>(r.what.code), reinterpret_cast<unsigned char *>(&text[0]),
                         text.size());
        return r.what.does == act::reason_only ? 0 : -1;
    }

    void on_timer(lws_sorted_usec_list_t *) {
        run &r = *here;
        close(r.wsi, r);
        if (r.which == plain) // "to close from outside a callback", lws' documentation says
            lws_set_timeout(r.wsi, PENDING_TIMEOUT_USER_REASON_BASE,
                            r.what.does == act::kill_sync ? LWS_TO_KILL_SYNC : LWS_TO_KILL_ASYNC);
    }

    bool write(lws *wsi, std::string text, std::size_t size) {
        text.resize(size, 'x');
        text.insert(0, LWS_PRE, '\0');
        return lws_write(wsi, reinterpret_cast<unsigned char *>(&text[LWS_PRE]), size, LWS_WRITE_TEXT) >= 0;
    }

    int receive(lws *wsi, run &r, std::string_view message) {
        if (message == "data") {
            r.told.add("the data");
            return 0;
        }
        r.wsi = wsi;
        ++r.messages;
        switch (r.what.does) {
        case act::close:
        case act::reason_only: return close(wsi, r);
        case act::drop: return -1;
        case act::kill_async:
        case act::kill_sync: lws_sul_schedule(lws_get_context(wsi), 0, &r.timer, on_timer, LWS_US_PER_MS); return 0;
        case act::from_writeable:
        case act::drop_writeable: lws_callback_on_writable(wsi); return 0;
        case act::write_after: lws_callback_on_writable(wsi); return close(wsi, r);
        case act::fill:
            if (r.messages == 2)
                return close(wsi, r);
            lws_callback_on_writable(wsi);
            return 0;
        case act::nothing:
        case act::from_established: break;
        }
        return 0;
    }

    int writeable(lws *wsi, run &r) {
        constexpr std::size_t much = 32768;
        switch (r.what.does) {
        case act::from_writeable: return close(wsi, r);
        case act::drop_writeable: return -1;
        case act::write_after: return write(wsi, "data", 4) ? 0 : -1;
        case act::fill: lws_callback_on_writable(wsi); return write(wsi, {}, much) ? 0 : -1;
        default: return 0;
        }
    }

    int callback(lws *wsi, lws_callback_reasons reason, void *, void *in, std::size_t len) {
        const std::string_view text(static_cast<const char *>(in), in ? len : 0);
        switch (reason) {
        case LWS_CALLBACK_ESTABLISHED:
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
            here->established.add("");
            return here->what.does == act::from_established ? close(wsi, *here) : 0;
        case LWS_CALLBACK_RECEIVE:
        case LWS_CALLBACK_CLIENT_RECEIVE: return receive(wsi, *here, text);
        case LWS_CALLBACK_SERVER_WRITEABLE:
        case LWS_CALLBACK_CLIENT_WRITEABLE: return writeable(wsi, *here);
        default: break;
        }
        if (here && here->which == plain) {
            if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE)
                here->told.add("peer: " + shown(text));
            if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR)
                here->told.add("error: " + std::string(text.substr(0, text.find('\0'))));
            if (reason == LWS_CALLBACK_CLOSED || reason == LWS_CALLBACK_CLIENT_CLOSED ||
                reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR)
                here->end();
        }
        return 0;
    }

    const lws_protocols protocols[][2] = {
        {{"chat", callback, sizeof(session), 0, 0, nullptr, 0}, {nullptr, nullptr, 0, 0, 0, nullptr, 0}},
        {{"chat", wsclose::tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
         {nullptr, nullptr, 0, 0, 0, nullptr, 0}},
    };

    // ---- what was seen ----

    /// How long something took, so coarse that it is the same each time.
    std::string delay(clock::duration time) {
        const double seconds = std::chrono::duration<double>(time).count();
        return seconds < 1.8 ? "" : seconds < 4 ? ", after 2 s" : seconds < 8 ? ", after 5 s" : ", after 10 s";
    }

    /// The Close frames of a raw peer's stream, and what came behind the first.
    std::string on_the_wire(const test::rest_of_stream &seen) {
        bool             closed = false;
        std::string      out;
        std::string_view rest = seen.bytes, last; // the Close frame before
        int              same = 0;
        const auto       byte = [&rest](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
        while (!rest.empty()) {
            const bool        is_long = rest.size() >= 4 && byte(1) == 126;
            const std::size_t head    = is_long ? 4 : 2;
            const std::size_t size    = is_long ? std::size_t{byte(2)} << 8 | byte(3) : rest.size() > 1 ? byte(1) : 0;
            const char       *then    = out.empty() ? "" : ", then ";
            if (rest.size() < head + size || byte(1) & 0x80) { // the mask was taken off those that are whole
                out += then + std::string("part of a frame");
                break;
            }
            const std::string_view body = rest.substr(head, size);
            if (byte(0) == 0x88) {
                closed            = true;
                const auto result = wsclose::close_frame::parse(body);
                same              = body == last && !out.empty() ? same + 1 : 0;
                if (same == 0)
                    out += then + (result ? "" : std::string(name(result.error)) + ": ") + shown(body);
                else if (same <= 2) // after 5.0, lws may send it a million times
                    out += same == 1 ? ", then again" : " and again";
                last = body;
            } else if (byte(0) == 0x81 && closed) {
                out += std::string(then) + "data";
            }
            rest.remove_prefix(head + size);
        }
        if (!closed)
            out.insert(0, out.empty() ? "no Close frame" : "no Close frame, ");
        if (seen.end == test::stream_end::reset)
            out += ", reset";
        return out;
    }

    std::mutex creation; // of contexts, and their destruction: one at a time

} // namespace

// ---- the peers ----

/// Where a situation is played: the peer's script reads and writes here.
class stage {
public:
    stage(const situation &what, flavour which) : run_(what, which) {}
    ~stage() { stop(); }

    /// Before peer(): what is special about the context.
    test::host_options options;

    test::lws_host &host() {
        if (!host_) {
            const std::lock_guard<std::mutex> lock(creation);
            host_.emplace(protocols[run_.which], options);
            host_->on_service_thread([this](lws_context *) { here = &run_; });
        }
        return *host_;
    }

    /// Lets lws, where it is the client, connect.
    const test::listener &called(std::uint16_t port = 0) {
        host();
        run_.begin = clock::now();
        host_->connect(port ? port : listener_.port(), "chat");
        return listener_;
    }

    /// The peer, with the WebSocket established.
    raw_peer &peer() {
        if (!peer_) {
            peer_.emplace(run_.what.lws_is_client ? raw_peer::accept(called(), "chat")
                                                  : raw_peer::connect(host().port(), "chat"));
            run_.established.next();
            run_.begin = clock::now();
        }
        return *peer_;
    }

    /// The peer, that has sent the message that makes the program act.
    raw_peer &go() {
        peer().send_text("go");
        return peer();
    }

    void saw(const test::rest_of_stream &rest) {
        const bool        never = rest.end == test::stream_end::never;
        const std::string took  = never ? ", and no end" : delay(clock::now() - run_.begin);
        if (never)
            patience_ms_ = 0;
        saw(on_the_wire(rest) + took);
    }
    void saw(std::string wire) {
        result_.wire = std::move(wire);
        seen_at_     = clock::now();
    }
    /// What came long before the peer read it.
    void saw_late(const test::rest_of_stream &rest) {
        result_.wire = on_the_wire(rest);
        seen_at_     = run_.begin;
    }

    /// Times count from now on; or from when the peer is there.
    void start() { run_.begin = clock::now(); }

    /// The rest: what the program was told.
    outcome result() {
        if (!result_.told.empty())
            return result_;
        std::string out;
        for (std::string event; event = run_.told.next(patience_ms_), event != "nothing happened"; out += event) {
            if (event.empty()) {
                if (out.empty())
                    out = "it is closed, not why";
                const std::string took = delay(run_.ended_at - run_.begin);
                result_.told           = out + (took == delay(seen_at_ - run_.begin) ? "" : took);
                return result_;
            }
            if (!out.empty())
                out += ", then ";
        }
        result_.told = out.empty() ? "nothing" : out + ", not that it is closed";
        return result_;
    }

    void stop() {
        const std::lock_guard<std::mutex> lock(creation);
        start();
        if (host_)
            host_->stop();
    }

private:
    run                           run_;
    test::listener                listener_;
    std::optional<test::lws_host> host_;
    std::optional<raw_peer>       peer_;
    outcome                       result_;
    clock::time_point             seen_at_{};
    int                           patience_ms_ = 8000;
};

namespace {

    using script = std::function<void(stage &)>;

    void answers(stage &s) { s.saw(s.go().answer_close_and_read_to_end()); }
    void says_nothing(stage &s) { s.saw(s.go().read_to_end()); }

    script sends_frame(unsigned char first, std::string payload) {
        return [first, payload](stage &s) {
            s.peer().send(s.peer().frame(first, payload));
            s.saw(s.peer().read_to_end());
        };
    }
    script closes_with(std::string body) { return sends_frame(0x88, std::move(body)); }

    /// Reads lws' Close frame, then sends what `frames` makes.
    script answers_with(std::function<std::string(raw_peer &)> frames) {
        return [frames](stage &s) {
            std::string seen = s.go().read_frame();
            s.peer().send(frames(s.peer()));
            test::rest_of_stream rest = s.peer().read_to_end();
            rest.bytes.insert(0, seen);
            s.saw(rest);
        };
    }

    /// Reads nothing until the program's socket is full, sends `second`, and goes on so for 10 s.
    script reads_late(std::function<std::string(raw_peer &)> second) {
        return [second](stage &s) {
            s.go();
            std::this_thread::sleep_for(std::chrono::seconds(1));
            s.start();
            s.peer().send(second(s.peer()));
            std::this_thread::sleep_for(std::chrono::seconds(10));
            s.saw_late(s.peer().read_to_end());
        };
    }

    void sends_fin(stage &s) {
        s.peer().send_fin();
        s.saw(s.peer().read_to_end());
    }
    void resets(stage &s) {
        s.peer().reset();
        s.saw("no Close frame"); // and nobody to get one
    }

    script answers_http(std::string response) {
        return [response](stage &s) {
            raw_peer peer = raw_peer::answer_http(s.called(), response);
            s.saw("");
        };
    }

    const std::string bye   = "\x03\xE8"
                              "bye";
    const std::string later = "\x03\xE9"
                              "later";

    std::string code(unsigned number, const char *text = "bye") {
        std::string body{static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
        return body + text;
    }

    const std::string too_long = [] { // 151 bytes, of which 123 end within a code point
        std::string text = "x";
        for (int i = 0; i < 50; ++i)
            text += "日";
        return text;
    }();

    std::vector<situation> make() {
        std::vector<situation> all;
        const char            *section = "";
        const auto add = [&](const char *name, act does, unsigned number, const std::string &text, const script &peer) {
            for (const bool lws_is_client : {false, true})
                all.push_back({section, name, lws_is_client, does, number, text, peer});
        };

        section = "The program closes";
        add("with 1000 \"bye\", from the receive callback", act::close, 1000, "bye", answers);
        add("the same from the writeable callback", act::from_writeable, 1000, "bye", answers);
        add("the same from the established callback", act::from_established, 1000, "bye",
            [](stage &s) { s.saw(s.peer().answer_close_and_read_to_end()); });
        add("from a timer, with `LWS_TO_KILL_ASYNC`: 4000 \"idle\"", act::kill_async, 4000, "idle", answers);
        add("from a timer, with `LWS_TO_KILL_SYNC`: 4000 \"idle\"", act::kill_sync, 4000, "idle", answers);
        add("with an application's code and Japanese text", act::close, 4001, "またね", answers);
        add("with a text of 151 bytes (x, 50 times 日)", act::close, 1000, too_long, answers);
        for (const unsigned number : {999u, 1005u, 1006u, 1012u, 1015u, 2999u, 5000u}) {
            const std::string name = "with the code " + std::to_string(number);
            add(name.c_str(), act::close, number, "oops", answers);
        }
        add("no reason: only returns -1 from the receive callback", act::drop, 0, "", answers);
        add("no reason: only returns -1 from the writeable callback", act::drop_writeable, 0, "", answers);
        add("`lws_close_reason()`, and returns 0; later the peer closes with 1001", act::reason_only, 1000, "bye",
            [](stage &s) {
                s.go().send_close(later);
                s.saw(s.peer().read_to_end());
            });
        add("asked for a writeable callback before, and writes in it", act::write_after, 1000, "bye", answers);
        add("the peer answers with another code: 1001", act::close, 1000, "bye",
            answers_with([](raw_peer &p) { return p.close_frame(later); }));
        add("the peer sends data before it answers", act::close, 1000, "bye",
            answers_with([](raw_peer &p) { return p.text_frame("data") + p.close_frame(bye); }));
        add("the peer closes at the same time, with 1001", act::close, 1000, "bye", [](stage &s) {
            s.peer().send(s.peer().text_frame("go") + s.peer().close_frame(later));
            s.saw(s.peer().read_to_end());
        });
        add("the peer breaks the protocol instead of answering", act::close, 1000, "bye",
            answers_with([](raw_peer &p) { return p.frame(0xF1, "data"); }));
        add("the peer ends TCP instead of answering", act::close, 1000, "bye", [](stage &s) {
            const std::string seen = s.go().read_frame();
            s.peer().send_fin();
            test::rest_of_stream rest = s.peer().read_to_end();
            rest.bytes.insert(0, seen);
            s.saw(rest);
        });
        add("the peer does not answer 1001 \"bye\"", act::close, 1001, "bye", says_nothing);
        add("the peer does not read, and the socket is full", act::fill, 1000, "bye",
            reads_late([](raw_peer &p) { return p.text_frame("now"); }));

        section = "The peer closes";
        add("1000 \"bye\"", act::nothing, 0, "", closes_with(bye));
        add("no code", act::nothing, 0, "", closes_with(""));
        add("one byte", act::nothing, 0, "", closes_with("\x03"));
        for (const unsigned number :
             {0u, 999u, 1004u, 1005u, 1006u, 1012u, 1013u, 1014u, 1015u, 2999u, 3000u, 4999u, 5000u, 65535u}) {
            const std::string name = "the code " + std::to_string(number);
            add(name.c_str(), act::nothing, 0, "", closes_with(code(number)));
        }
        add("1000 and text that is not UTF-8", act::nothing, 0, "", closes_with(code(1000, "\xE6\x97")));
        add("1000, then sends data", act::nothing, 0, "", [](stage &s) {
            s.peer().send(s.peer().close_frame(bye) + s.peer().text_frame("data"));
            s.saw(s.peer().read_to_end());
        });
        add("1000, then 1001", act::nothing, 0, "", [](stage &s) {
            s.peer().send(s.peer().close_frame(bye) + s.peer().close_frame(later));
            s.saw(s.peer().read_to_end());
        });
        add("1000, and ends TCP at once", act::nothing, 0, "", [](stage &s) {
            s.peer().send_close(bye);
            sends_fin(s);
        });
        add("1000, while the program's socket is full", act::fill, 0, "",
            reads_late([](raw_peer &p) { return p.close_frame(bye); }));

        section = "The peer breaks the protocol";
        add("reserved bits", act::nothing, 0, "", sends_frame(0xF1, "data"));
        add("a reserved opcode, 3", act::nothing, 0, "", sends_frame(0x83, "data"));
        add("a continuation of nothing", act::nothing, 0, "", sends_frame(0x80, "data"));
        add("a ping in fragments", act::nothing, 0, "", sends_frame(0x09, "data"));
        add("a ping of 126 bytes", act::nothing, 0, "", sends_frame(0x89, std::string(126, 'x')));
        add("a Close frame of 126 bytes", act::nothing, 0, "", closes_with(code(1000) + std::string(121, 'x')));
        add("data with the mask wrong (a client's without, a server's with one), then 1000", act::nothing, 0, "",
            [](stage &s) {
                const bool masked = s.peer().text_frame("data")[1] & 0x80;
                s.peer().send((masked ? "\x81\x04" : "\x81\x84" + std::string(4, '\0')) + "data" +
                              s.peer().close_frame(bye));
                s.saw(s.peer().read_to_end());
            });
        add("a text message that is not UTF-8, with `LWS_SERVER_OPTION_VALIDATE_UTF8`", act::nothing, 0, "",
            [](stage &s) {
                s.options.flags = LWS_SERVER_OPTION_VALIDATE_UTF8;
                sends_frame(0x81, "\xE6\x97\xE6\x97")(s);
            });
        add("no answer to lws' ping (retry policy: 1 s, 2 s)", act::nothing, 0, "", [](stage &s) {
            static const lws_retry_bo_t policy = [] {
                lws_retry_bo_t made;
                std::memset(&made, 0, sizeof made);
                made.secs_since_valid_ping   = 1;
                made.secs_since_valid_hangup = 2;
                return made;
            }();
            s.options.retry = &policy;
            s.saw(s.peer().read_to_end());
        });

        section = "The connection just ends";
        add("the peer ends TCP (FIN)", act::nothing, 0, "", sends_fin);
        add("the peer ends TCP within a frame", act::nothing, 0, "", [](stage &s) {
            s.peer().send(s.peer().text_frame("data").substr(0, 4));
            sends_fin(s);
        });
        add("the peer resets TCP", act::nothing, 0, "", resets);
        add("the program calls `lws_context_destroy()`", act::nothing, 0, "", [](stage &s) {
            s.peer();
            s.stop();
            s.saw(s.peer().read_to_end());
        });
        add("the program calls `lws_vhost_destroy()`", act::nothing, 0, "", [](stage &s) {
            s.peer();
            s.host().on_service_thread([&s](lws_context *) { lws_vhost_destroy(s.host().vhost()); });
            s.saw(s.peer().read_to_end());
        });

        section               = "A client's connection is never established";
        const auto add_client = [&](const char *name, const script &peer) {
            all.push_back({section, name, true, act::nothing, 0, "", peer});
        };
        add_client("nobody listens there", [](stage &s) {
            const test::socket_handle bound(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); // and not listening
            sockaddr_in               address = test::loopback(0);
            socklen_t                 size    = sizeof address;
            ::bind(bound.get(), reinterpret_cast<sockaddr *>(&address), size);
            ::getsockname(bound.get(), reinterpret_cast<sockaddr *>(&address), &size);
            s.called(ntohs(address.sin_port));
            s.saw("");
            s.result();
        });
        add_client("the server ends TCP instead of answering", [](stage &s) {
            {
                const test::socket_handle peer    = s.called().accept();
                pollfd                    request = {peer.get(), POLLIN, 0};
                ::poll(&request, 1, test::patience_ms); // which it does not read
            }
            s.saw("");
        });
        add_client("the server answers 403", answers_http("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
        add_client("the server answers 200", answers_http("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        add_client("the server's `Sec-WebSocket-Accept` is wrong",
                   answers_http("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
                                "Sec-WebSocket-Protocol: chat\r\n\r\n"));
        return all;
    }

} // namespace

const std::vector<situation> &situations() {
    static const std::vector<situation> all = make();
    return all;
}

const situation &find(std::string_view name, bool lws_is_client) {
    for (const situation &s : situations())
        if (s.name == name && s.lws_is_client == lws_is_client)
            return s;
    std::fprintf(stderr, "there is no situation %s\n", std::string(name).c_str());
    std::exit(2);
}

std::vector<std::array<outcome, 2>> play(const std::vector<const situation *> &which) {
    std::vector<std::array<outcome, 2>> results(which.size());
    std::atomic<std::size_t>            next{0};
    std::vector<std::thread>            players;
    for (std::size_t i = 0; i < 16; ++i)
        players.emplace_back([&] {
            for (std::size_t job; (job = next++) < 2 * which.size();) {
                // Of many that begin at once, lws 4.5 and 5.0 now and then serve one not at all: then anew.
                for (int attempts = 3;; --attempts) {
                    try {
                        stage s(*which[job / 2], static_cast<flavour>(job % 2));
                        which[job / 2]->peer(s);
                        results[job / 2][job % 2] = s.result();
                        break;
                    } catch (const std::exception &error) {
                        if (attempts == 1) {
                            std::fprintf(stderr, "%s: %s\n", which[job / 2]->name.c_str(), error.what());
                            std::exit(2);
                        }
                    }
                }
            }
        });
    for (std::thread &player : players)
        player.join();
    return results;
}

} // namespace behaviour
