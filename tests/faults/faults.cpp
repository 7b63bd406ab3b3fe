// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Brings about every cause for which a connection ends, with a real lws and real sockets, and holds it against
// the cause that is reported.
//
//   faults [--table | --only TEXT]
//
// It ends with 1 if a report gives another cause than the fault has. --table prints the causes for docs/causes.md.
// WSCLOSE_TEST_TRANSPORT=tls plays over TLS what can be played over both.

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/scene.hpp"

using namespace std::string_view_literals;

namespace faults {
namespace {

    constexpr auto bye = "\x03\xE8"
                         "bye"sv;

    const lws_retry_bo_t pings = {nullptr, 0, 0, 1, 2, 0}; // pings after 1 s of silence, hangs up after 2 s

    // ---- the WebSocket is open

    void peer_closes(scene &now) {
        raw_peer peer = now.established();
        peer.send_close(bye);
        peer.read_to_end();
    }

    void program_closes_on_receive(scene &now, lws_usec_t limit = 0) {
        now.acts = [limit](session &s, lws *, lws_callback_reasons reason) {
            if (is_received(reason)) {
                if (limit != 0)
                    s.ws.set_close_timeout(limit);
                s.ws.close(wsclose::close_code::going_away, "bye");
            }
            return 0;
        };
    }

    void both_close(scene &now) {
        program_closes_on_receive(now);
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.answer_close_and_read_to_end();
    }

    void program_drops(scene &now) {
        now.acts      = [](session &, lws *, lws_callback_reasons reason) { return is_received(reason) ? -1 : 0; };
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.read_to_end();
    }

    void context_ends(scene &now) {
        raw_peer peer = now.established();
        peer.send(peer.frame(0x89, "")); // if lws answers it, the connection is established on its side, too
        peer.read_frame();
        now.stop();
        peer.read_to_end();
    }

    void peer_ends_tcp(scene &now) {
        raw_peer peer = now.established();
        peer.send_fin();
        peer.read_to_end();
    }

    void peer_ends_tcp_after_our_close(scene &now) {
        program_closes_on_receive(now);
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.read_frame();
        peer.send_fin();
        peer.read_to_end();
    }

    void peer_resets(scene &now) { now.established().reset(); }

    void peer_resets_after_our_close(scene &now) {
        program_closes_on_receive(now);
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.read_frame();
        peer.reset();
    }

    void set_on_socket(lws *wsi, int level, int option, int value) {
        ::setsockopt(lws_get_socket_fd(wsi), level, option, &value, sizeof value);
    }

    void network_is_gone(scene &now) { // while data is under way
        now.acts = [](session &, lws *wsi, lws_callback_reasons reason) {
            if (is_received(reason)) {
                set_on_socket(wsi, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
                lws_set_timer_usecs(wsi, 300 * LWS_US_PER_MS);
            }
            if (reason == LWS_CALLBACK_TIMER) {
                unsigned char buffer[LWS_PRE + 1] = {};
                lws_write(wsi, buffer + LWS_PRE, 1, LWS_WRITE_BINARY);
            }
            return 0;
        };
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.cut_off();
        now.wait();
    }

    void network_is_gone_unnoticed(scene &now) { // TCP keepalive finds out
        now.acts = [](session &, lws *wsi, lws_callback_reasons reason) {
            if (is_received(reason)) {
                set_on_socket(wsi, SOL_SOCKET, SO_KEEPALIVE, 1);
                set_on_socket(wsi, IPPROTO_TCP, TCP_KEEPIDLE, 1);
                set_on_socket(wsi, IPPROTO_TCP, TCP_KEEPINTVL, 1);
                set_on_socket(wsi, IPPROTO_TCP, TCP_KEEPCNT, 1);
            }
            return 0;
        };
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.cut_off();
        now.wait();
    }

    void program_sets_a_timeout(scene &now) {
        now.acts = [](session &, lws *wsi, lws_callback_reasons reason) {
            if (is_received(reason))
                lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
            return 0;
        };
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.read_to_end();
    }

    void peer_sets_reserved_bits(scene &now) {
        raw_peer peer = now.established();
        peer.send(peer.frame(0xF1, ""));
        peer.read_to_end();
    }

    void peer_sends_half_a_code(scene &now) {
        raw_peer peer = now.established();
        peer.send_close("\x03");
        peer.read_to_end();
    }

    void peer_does_not_answer(scene &now) {
        program_closes_on_receive(now, LWS_US_PER_SEC / 2);
        raw_peer peer = now.established();
        peer.send_text("x");
        peer.read_frame();
        now.wait();
    }

    /// Writes 16 MiB as one message, which no socket takes.
    void write_much(lws *wsi) {
        std::string much(LWS_PRE + (16 << 20), 'x');
        lws_write(wsi, reinterpret_cast<unsigned char *>(&much[LWS_PRE]), much.size() - LWS_PRE, LWS_WRITE_BINARY);
    }

    void peer_does_not_read_our_close(scene &now) {
        now.acts = [](session &s, lws *wsi, lws_callback_reasons reason) {
            if (is_received(reason)) {
                write_much(wsi);
                s.ws.close(wsclose::close_code::going_away, "bye");
            }
            return 0;
        };
        raw_peer peer = now.established();
        peer.keep_little();
        peer.send_text("x");
        now.wait();
    }

    void peer_closes_and_does_not_read(scene &now) {
        now.acts = [](session &s, lws *wsi, lws_callback_reasons reason) {
            if (is_established(reason)) {
                s.ws.set_close_timeout(LWS_US_PER_SEC);
                write_much(wsi);
            }
            return 0;
        };
        raw_peer peer = now.established();
        peer.keep_little();
        peer.send_close(bye);
        now.wait();
    }

    void peer_does_not_read(scene &now) {
        now.options.retry = &pings;
        now.acts          = [](session &, lws *wsi, lws_callback_reasons reason) {
            if (is_received(reason))
                write_much(wsi);
            return 0;
        };
        raw_peer peer = now.established();
        peer.keep_little();
        peer.send_text("x");
        now.wait();
    }

    void peer_ignores_pings(scene &now) {
        now.options.retry = &pings;
        raw_peer peer     = now.established();
        now.wait();
    }

    /// A process that has the peer's socket and is stopped, as long as this lives.
    class stopped_process {
    public:
        stopped_process() : id_(::fork()) {
            if (id_ == 0) {
                ::raise(SIGSTOP);
                ::_exit(0);
            }
            ::waitpid(id_, nullptr, WUNTRACED);
        }
        stopped_process(const stopped_process &)            = delete;
        stopped_process &operator=(const stopped_process &) = delete;
        ~stopped_process() {
            ::kill(id_, SIGKILL);
            ::waitpid(id_, nullptr, 0);
        }

    private:
        pid_t id_;
    };

    void peer_is_stopped(scene &now) {
        now.options.retry          = &pings;
        auto                  peer = std::make_unique<raw_peer>(now.established());
        const stopped_process holder;
        peer.reset();
        now.wait();
    }

    void network_is_gone_and_lws_pings(scene &now) {
        now.options.retry = &pings;
        raw_peer peer     = now.established();
        peer.cut_off();
        now.wait();
    }

    // ---- a client's attempt

    void connect_to(scene &now, const char *address, std::uint16_t port) {
        now.options.address = address;
        now.connect(port);
        now.wait();
    }

    void name_is_unknown(scene &now) { connect_to(now, "nobody.invalid", 80); }

    /// On a network of its own, on which nobody has that address.
    void no_host(scene &now) {
        if (::unshare(::geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0 ||
            std::system("ip link set lo up && ip link add there type veth peer name here && "
                        "ip addr add 198.51.100.1/24 dev here && ip link set here up && ip link set there up") != 0)
            return now.report({cause::unknown, "not played: no network of its own can be made here"});
        now.options.timeout_s = 20; // the kernel takes 3 s
        connect_to(now, "198.51.100.2", 80);
    }
    void nobody_listens(scene &now) { connect_to(now, "127.0.0.1", test::dead_port()); }

    void queue_of_listener_is_full(scene &now) {
        const listener                   from(0);
        std::vector<test::socket_handle> waiting;
        for (int i = 0; i < 4; ++i)
            waiting.push_back(test::begin_to_connect(from.port()));
        connect_to(now, "127.0.0.1", from.port());
    }

    void server_is_silent(scene &now) {
        const listener from;
        connect_to(now, "127.0.0.1", from.port());
    }

    void answers(scene &now, std::string_view answer) {
        const listener from;
        now.connect(from.port());
        raw_peer peer = raw_peer::answer_http(from, answer, now.options.how);
        now.wait();
    }

    void answers_401(scene &now) { answers(now, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"); }
    void asks_for_a_password(scene &now) {
        answers(now, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
    }
    void answers_403(scene &now) { answers(now, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"); }
    void answers_404(scene &now) {
        answers(now, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\nnone");
    }
    void answers_429(scene &now) {
        answers(now, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n");
    }
    void answers_503(scene &now) {
        answers(now, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n");
    }
    void answers_200(scene &now) { answers(now, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); }
    void answers_with_a_wrong_key(scene &now) {
        answers(now, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: client\r\n\r\n");
    }
    void answers_with_another_upgrade(scene &now) {
        answers(now, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: client\r\n\r\n");
    }
    void answers_garbage(scene &now) { answers(now, "\x01\x02\x03 what\r\n\r\n"); }

    void server_ends_tcp(scene &now) {
        const listener from;
        now.connect(from.port());
        raw_peer peer = raw_peer::answer_http(from, "", now.options.how);
        peer.send_fin();
        now.wait();
    }

    void server_resets(scene &now) {
        const listener from;
        now.connect(from.port());
        raw_peer::answer_http(from, "", now.options.how).reset();
        now.wait();
    }

    void program_gives_up(scene &now) {
        now.acts = [](session &, lws *, lws_callback_reasons reason) {
            return reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER ? -1 : 0;
        };
        const listener from;
        now.connect(from.port());
        raw_peer peer = raw_peer::accept_only(from, now.options.how);
        now.wait();
    }

    void program_rejects_the_answer(scene &now) {
        now.acts = [](session &, lws *, lws_callback_reasons reason) {
            return reason == LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH ? -1 : 0;
        };
        const listener from;
        now.connect(from.port());
        raw_peer peer = raw_peer::accept(from, "client", now.options.how);
        now.wait();
    }

    void context_ends_meanwhile(scene &now) {
        const listener from;
        now.connect(from.port());
        raw_peer peer = raw_peer::answer_http(from, "", now.options.how);
        now.stop();
    }

    // ---- a client's attempt over TLS

    void certificate_is_not_trusted(scene &now) {
        now.options.trusted = nullptr;
        const listener from;
        now.connect(from.port());
        raw_peer::try_tls(from, test::certificate::self_signed());
        now.wait();
    }

    void certificate_has_expired(scene &now) {
        now.options.trusted = &test::certificate::expired();
        const listener from;
        now.connect(from.port());
        raw_peer::try_tls(from, test::certificate::expired());
        now.wait();
    }

    void certificate_is_for_another_name(scene &now) {
        now.options.trusted = &test::certificate::of_another_name();
        const listener from;
        now.connect(from.port());
        raw_peer::try_tls(from, test::certificate::of_another_name());
        now.wait();
    }

    void server_speaks_no_tls(scene &now) {
        const listener from;
        now.connect(from.port());
        raw_peer peer = raw_peer::accept_only(from);
        peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        now.wait();
    }

    void server_ends_tcp_within_tls(scene &now) {
        const listener from;
        now.connect(from.port());
        raw_peer::accept_only(from).send_fin();
        now.wait();
    }

    // ---- all of them

    enum class lws_is : std::uint8_t { either, server, client, connecting, connecting_tls };

    const bool over_tls = test::default_transport() == transport::tls;

    constexpr unsigned this_lws = LWS_LIBRARY_VERSION_MAJOR * 100 + LWS_LIBRARY_VERSION_MINOR;

    struct fault {
        const char *what;
        lws_is      who;
        cause       told; ///< by the versions of lws that tell
        void (*play)(scene &);
        unsigned since       = 0; ///< the version from which it is told
        cause    told_before = cause::unknown;

        constexpr cause expected() const { return this_lws >= since ? told : told_before; }
    };

    constexpr fault all[] = {
        {"the peer closes", lws_is::either, cause::handshake, peer_closes},
        {"the program closes", lws_is::either, cause::handshake, both_close},
        {"the program returns -1", lws_is::either, cause::dropped, program_drops},
        {"the context is destroyed", lws_is::either, cause::context_destroyed, context_ends, 402, cause::library},
        {"the peer ends TCP", lws_is::either, cause::fin, peer_ends_tcp},
        {"the peer ends TCP instead of answering", lws_is::either, cause::fin, peer_ends_tcp_after_our_close},
        {"the peer resets TCP", lws_is::either, cause::reset, peer_resets},
        {"the peer resets TCP instead of answering", lws_is::either, cause::reset, peer_resets_after_our_close},
        {"the network is gone, and data is under way", lws_is::either, cause::lost, network_is_gone},
        {"the network is gone, and TCP keepalive finds out", lws_is::either, cause::lost, network_is_gone_unnoticed},
        {"the network is gone, and lws pings", lws_is::either, cause::no_pong, network_is_gone_and_lws_pings},
        {"the peer does not answer pings", lws_is::either, cause::no_pong, peer_ignores_pings},
        {"the peer's process is stopped, and lws pings", lws_is::either, cause::no_pong, peer_is_stopped},
        {"the peer does not read, and lws hangs up", lws_is::either, cause::not_reading, peer_does_not_read},
        {"the peer does not read, and the program closes", lws_is::either, cause::not_reading,
         peer_does_not_read_our_close},
        {"the server closes, and does not read our answer", lws_is::client, cause::not_reading,
         peer_closes_and_does_not_read},
        {"the peer does not answer our Close frame", lws_is::either, cause::no_answer, peer_does_not_answer},
        {"the program sets a timeout", lws_is::either, cause::library, program_sets_a_timeout},
        {"the peer sets reserved bits", lws_is::server, cause::protocol_violation, peer_sets_reserved_bits},
        {"the server sets reserved bits", lws_is::client, cause::library, peer_sets_reserved_bits},
        {"the peer's Close frame has half a code", lws_is::either, cause::protocol_violation, peer_sends_half_a_code},

        {"the name is unknown", lws_is::connecting, cause::name_not_found, name_is_unknown, 403},
        {"no host has the address", lws_is::connecting, cause::unreachable, no_host, 403},
        {"nobody listens", lws_is::connecting, cause::refused, nobody_listens, 403},
        {"TCP takes too long", lws_is::connecting, cause::timed_out, queue_of_listener_is_full, 402},
        {"the server says nothing", lws_is::connecting, cause::timed_out, server_is_silent, 402},
        {"the server's answer is not HTTP, and stays open", lws_is::connecting, cause::timed_out, answers_garbage, 402},
        {"the server answers 401", lws_is::connecting, cause::upgrade_refused, answers_401},
        {"the server answers 401 and asks for a password", lws_is::connecting, cause::timed_out, asks_for_a_password,
         405, cause::upgrade_refused},
        {"the server answers 403", lws_is::connecting, cause::upgrade_refused, answers_403},
        {"the server answers 404 with a page", lws_is::connecting, cause::upgrade_refused, answers_404},
        {"the server answers 429, Retry-After: 17", lws_is::connecting, cause::upgrade_refused, answers_429},
        {"the server answers 503, Retry-After: 120", lws_is::connecting, cause::upgrade_refused, answers_503},
        {"the server answers 200", lws_is::connecting, cause::upgrade_refused, answers_200},
        {"the server's answer has a wrong key", lws_is::connecting, cause::upgrade_invalid, answers_with_a_wrong_key},
        {"the server upgrades to something else", lws_is::connecting, cause::upgrade_invalid,
         answers_with_another_upgrade},
        {"the server ends TCP instead of answering", lws_is::connecting, cause::fin, server_ends_tcp},
        {"the server resets TCP instead of answering", lws_is::connecting, cause::reset, server_resets},
        {"the program gives up", lws_is::connecting, cause::dropped, program_gives_up},
        {"the program rejects the answer", lws_is::connecting, cause::dropped, program_rejects_the_answer},
        {"the context is destroyed meanwhile", lws_is::connecting, cause::context_destroyed, context_ends_meanwhile,
         402},

        {"the certificate is not trusted", lws_is::connecting_tls, cause::tls_untrusted, certificate_is_not_trusted,
         403, cause::tls_failed},
        {"the certificate has expired", lws_is::connecting_tls, cause::tls_expired, certificate_has_expired, 403,
         cause::tls_failed},
        {"the certificate is for another name", lws_is::connecting_tls, cause::tls_wrong_name,
         certificate_is_for_another_name, 403, cause::tls_failed},
        {"the server does not speak TLS", lws_is::connecting_tls, cause::tls_failed, server_speaks_no_tls},
        {"the server ends TCP within the TLS handshake", lws_is::connecting_tls, cause::tls_failed,
         server_ends_tcp_within_tls},
    };

    // ---- one process for each, since some change what the process has: its network, or OpenSSL

    /// Plays one fault in this process and prints the outcome.
    void play(const fault &one, role here) {
        scene now(here, one.who == lws_is::connecting_tls ? transport::tls : test::default_transport());
        if (one.who >= lws_is::connecting)
            now.options.timeout_s = 2;
        try {
            one.play(now);
        } catch (const std::exception &error) {
            now.report({cause::unknown, std::string("not played: ") + error.what()});
        }
        const outcome &seen = now.result();
        std::printf("%s\t%s\n", name(seen.why).data(), seen.line.c_str());
    }

    struct run {
        const fault *of;
        role         here;
        std::string  why, line;

        /// Over TLS, lws does not tell whether TLS has ended, or lws itself ended it. Then nobody says why.
        bool is_right() const {
            const bool hidden_by_tls = over_tls && (of->expected() == cause::fin || of->expected() == cause::library);
            return why == name(of->expected()) || why == name(of->told) ||
                   (hidden_by_tls && why == name(cause::unknown));
        }
        bool was_played() const { return line.rfind("not played", 0) != 0; }
    };

    /// Plays it in a process of its own.
    void play_apart(run &one) {
        char self[4096] = {};
        if (::readlink("/proc/self/exe", self, sizeof self - 1) < 0)
            throw std::runtime_error("/proc/self/exe cannot be read");
        const std::string command = std::string("'") + self + "' --one " + std::to_string(one.of - all) +
                                    (one.here == role::server ? " server" : " client") + " 2>/dev/null";
        FILE *const out = ::popen(command.c_str(), "r");
        std::string said;
        char        part[4096];
        while (out && std::fgets(part, sizeof part, out))
            said += part;
        const int         result = out ? ::pclose(out) : -1;
        const std::size_t first = said.find('\t'), second = said.find('\n', first);
        if (result != 0 || second == std::string::npos) {
            one.line = "it ended with " + std::to_string(result);
            return;
        }
        one.why  = said.substr(0, first);
        one.line = said.substr(first + 1, second - first - 1);
    }

    std::vector<run> play_all(std::string_view only) {
        std::vector<run> runs;
        for (const fault &f : all) {
            if (std::string_view(f.what).find(only) == std::string_view::npos)
                continue;
            if (f.who <= lws_is::server)
                runs.push_back({&f, role::server, {}, {}});
            if (f.who != lws_is::server)
                runs.push_back({&f, role::client, {}, {}});
        }
        std::atomic<std::size_t> next{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; ++i)
            threads.emplace_back([&] {
                for (std::size_t mine; (mine = next++) < runs.size();)
                    play_apart(runs[mine]);
            });
        for (std::thread &thread : threads)
            thread.join();
        return runs;
    }

} // namespace
} // namespace faults

int main(int argc, char **argv) {
    using namespace faults;
    if (argc == 4 && argv[1] == "--one"sv) {
        play(all[std::atoi(argv[2])], argv[3] == "server"sv ? role::server : role::client);
        return 0;
    }
    const bool        table = argc == 2 && argv[1] == "--table"sv;
    const char *const only  = argc == 3 && argv[1] == "--only"sv ? argv[2] : "";
    unsigned          wrong = 0, played = 0, left_out = 0;
    if (table)
        std::printf("%s\n", LWS_LIBRARY_VERSION);
    for (const run &r : play_all(only)) {
        r.was_played() ? ++played : ++left_out;
        wrong += r.was_played() && !r.is_right();
        const char *const here = r.here == role::server ? "server" : "client";
        if (table)
            std::printf("%s\t%s\t%s\n", r.of->what, here, r.was_played() ? r.why.c_str() : "not played");
        else
            std::printf("%s %s: %s: %s\n",
                        r.is_right()     ? "ok   "
                        : r.was_played() ? "WRONG"
                                         : "     ",
                        here, r.of->what, r.line.c_str());
    }
    if (!table)
        std::printf("faults: %u played, %u with another cause than expected; %u could not be played here\n", played,
                    wrong, left_out);
    return wrong != 0;
}
