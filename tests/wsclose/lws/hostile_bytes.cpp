// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A peer that sends its exchange in the smallest pieces, or not all of it, or far more of it.

#include <wsclose/lws/tracked.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/frame.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using test::raw_peer;

namespace {

test::event_log  events; // the reports
std::atomic<int> sessions{0}, established{0};

/// What the program does.
enum class does { nothing, closes_on_message, fills_and_closes, writes_close };
std::atomic<does> program{does::nothing};
std::atomic<int>  detail{0}; // how many bytes, or which flags

struct session {
    connection ws;

    static constexpr lws_usec_t close_timeout = LWS_US_PER_SEC;

    session() { ++sessions; }
    ~session() { --sessions; }
    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

void write(lws *wsi, const std::string &bytes, int how) {
    std::string buffer = std::string(LWS_PRE, '\0') + bytes;
    lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), bytes.size(),
              static_cast<lws_write_protocol>(how));
}

void fill_and_close(session &s, lws *wsi) {
    for (const int which : {SO_SNDBUF, SO_RCVBUF})
        test::set_option(static_cast<int>(lws_get_socket_fd(wsi)), SOL_SOCKET, which, 1);
    s.ws.set_close_timeout(60 * LWS_US_PER_SEC); // so small windows take their time
    write(wsi, std::string(static_cast<std::size_t>(detail), 'x'), LWS_WRITE_BINARY);
    s.ws.close(close_code{4001}, "bye");
}

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    const bool is_message = reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_CLIENT_RECEIVE;
    if (is_message && program == does::closes_on_message)
        static_cast<session *>(user)->ws.close(close_code{4001}, "bye");
    if (reason != LWS_CALLBACK_ESTABLISHED && reason != LWS_CALLBACK_CLIENT_ESTABLISHED)
        return 0;
    ++established;
    if (program == does::fills_and_closes)
        fill_and_close(*static_cast<session *>(user), wsi);
    if (program == does::writes_close)
        write(wsi,
              "\x0F\xA1"
              "bye",
              4 | detail); // LWS_WRITE_CLOSE, which lws does not declare
    return 0;
}

const lws_protocols protocols[] = {
    {"bytes", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// Sees to it that no session is left over.
class server {
public:
    explicit server(does what = does::nothing, int of = 0) {
        events.clear();
        established = 0;
        program     = what;
        detail      = of;
    }
    ~server() {
        host_.stop();
        CHECK(sessions == 0);
        CHECK(events.empty());
    }
    raw_peer        connect() { return raw_peer::connect_only(host_.port()); }
    test::lws_host &host() { return host_; }
    void            serve() { // so that lws has done what there was to do
        for (int i = 0; i < 3; ++i)
            host_.on_service_thread([](lws_context *) {});
    }

private:
    test::lws_host host_{protocols};
};

constexpr auto    bye             = "\x0F\xA1"
                                    "bye"sv; // 4001
const std::string bye_frame       = "\x88\x05\x0F\xA1"
                                    "bye";
const std::string cleanly_by_peer = "closed cleanly by the peer: received 4001 \"bye\", sent 4001 \"bye\"";
const std::string cleanly_by_us   = "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"";

/// All that a client sends in its life.
std::string exchange(const raw_peer &client) {
    return raw_peer::request("bytes") + client.text_frame("x") + client.close_frame(bye);
}

} // namespace

TEST_CASE("a peer may send its whole life byte by byte, whoever closes", "[hostile]") {
    const bool ours = GENERATE(false, true);
    server     server(ours ? does::closes_on_message : does::nothing);
    raw_peer   peer = server.connect();
    const auto send = [&](const std::string &bytes) {
        for (const char byte : bytes) {
            peer.send({&byte, 1});
            server.serve();
        }
    };
    send(raw_peer::request("bytes") + peer.text_frame("x"));
    CHECK(peer.read_head().find(" 101 ") != std::string::npos);
    if (ours)
        CHECK(peer.read_frame() == bye_frame);
    send(peer.close_frame(bye));
    CHECK(peer.read_to_end().bytes == (ours ? "" : bye_frame));
    CHECK(events.next() == (ours ? cleanly_by_us : cleanly_by_peer));
}

TEST_CASE("a peer that ends or resets TCP after any byte of its life leaves one report that is true, or none",
          "[hostile][kernel]") {
    const bool ours = GENERATE(false, true), reset = GENERATE(false, true);
    CAPTURE(ours, reset);
    server            server(ours ? does::closes_on_message : does::nothing);
    const std::size_t most = exchange(server.connect()).size();
    for (std::size_t size = 0; size <= most; ++size) {
        CAPTURE(size);
        const int before = established;
        raw_peer  peer   = server.connect();
        peer.send(exchange(peer).substr(0, size));
        if (reset) {
            server.serve();
            peer.reset();
        } else {
            peer.send_fin();
        }
        std::string seen = reset ? std::string() : peer.read_to_end().bytes;
        server.serve();
        if (established == before)
            continue;
        REQUIRE(established == before + 1);
        const std::string report = events.next();
        CAPTURE(report);
        const bool sent = report.find("sent 4001") != std::string::npos;
        if (!reset)
            CHECK(sent == (seen.find(bye_frame) != std::string::npos));
        if (report.find("closed cleanly") == 0)
            CHECK(size == most);
        else
            CHECK(test::is_unclean(report));
    }
    CHECK(established > 0);
}

TEST_CASE("a peer that stops within its answer gets no longer than its time", "[hostile]") {
    server                server(does::closes_on_message);
    std::vector<raw_peer> peers;
    const std::size_t     whole = server.connect().close_frame(bye).size();
    for (std::size_t size = 0; size < whole; ++size) { // within the header, the masking key, the body
        peers.push_back(raw_peer::connect(server.host().port(), "bytes"));
        raw_peer &peer = peers.back();
        peer.send(peer.text_frame("x") + peer.close_frame(bye).substr(0, size));
    }
    for (raw_peer &peer : peers) {
        CHECK(peer.read_to_end().bytes == bye_frame);
        CHECK(events.next() == "closed by us, not cleanly: sent 4001 \"bye\", received nothing (no_answer)");
    }
}

TEST_CASE("ten thousand Close frames in a row are answered once", "[hostile]") {
    const bool  ours = GENERATE(false, true);
    server      server(ours ? does::closes_on_message : does::nothing);
    raw_peer    peer = raw_peer::connect(server.host().port(), "bytes");
    std::string all  = ours ? peer.text_frame("x") : std::string();
    for (int i = 0; i < 10000; ++i)
        all += peer.close_frame(bye);
    peer.send(all);
    const test::rest_of_stream seen =
        peer.read_to_end(); // what is unread resets the connection, and may take the answer
    CHECK((seen.bytes == bye_frame || (seen.bytes.empty() && seen.end == test::stream_end::reset)));
    const std::string report = events.next();
    CHECK((report == cleanly_by_peer || (ours && report == cleanly_by_us))); // ours may wait while theirs comes
}

TEST_CASE("a Close frame goes out behind 100 KB although both sockets are as small as they can be", "[.slow]") {
    const bool client = GENERATE(false, true);
    CAPTURE(client);
    server         server(does::fills_and_closes, 100000);
    test::listener from;
    if (client)
        server.host().connect(from.port(), "bytes");
    raw_peer peer = client ? raw_peer::accept(from, "bytes") : raw_peer::connect(server.host().port(), "bytes");
    peer.keep_least();
    const std::string message = peer.read_frame();
    CHECK(test::frame_view(message).payload() == std::string(100000, 'x'));
    CHECK(peer.read_frame() == bye_frame);
    peer.send_close(bye);
    CHECK(peer.read_to_end().bytes.empty());
    CHECK(events.next() == cleanly_by_us);
}

TEST_CASE("a Close frame that the program writes with lws_write() is not known to the report", "[hostile]") {
    const int flags = GENERATE(0, static_cast<int>(LWS_WRITE_NO_FIN));
    server    server(does::writes_close, flags);
    raw_peer  peer = raw_peer::connect(server.host().port(), "bytes");
    CHECK(peer.read_frame() == (flags == 0 ? bye_frame : "\x08" + bye_frame.substr(1))); // without FIN: invalid
    peer.send_fin();
    CHECK(peer.read_to_end().bytes.empty());
    const std::string report = events.next();
    CAPTURE(report);
    CHECK(report.find("closed by the transport, not cleanly: 1006 abnormal_closure") == 0);
}
