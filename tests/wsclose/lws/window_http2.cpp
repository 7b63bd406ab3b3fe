// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A stream of HTTP/2 on which the peer lets nothing be sent: its flow-control window is closed.

#include <wsclose/lws/tracked.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/http2.hpp"
#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"
#include "support/report_line.hpp"

using namespace wsclose;
using namespace std::string_view_literals;
using test::raw_peer;

namespace {

test::event_log events;

struct session;
std::function<int(session &, lws *, lws_callback_reasons)> behaviour;

struct session {
    connection ws;

    static constexpr lws_usec_t close_timeout = LWS_US_PER_SEC;

    void on_close(const close_report &report) { events.add(test::line_of(report)); }
};

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    return user && behaviour ? behaviour(*static_cast<session *>(user), wsi, reason) : 0;
}

const lws_protocols protocols[] = {
    {"narrow", tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

// Before 5.0, lws sends whatever the window is.
constexpr bool keeps_to_window = LWS_LIBRARY_VERSION_MAJOR >= 5;

/// A host, and a peer that lets the server send so many bytes.
class stage {
public:
    explicit stage(std::uint32_t window, decltype(behaviour) what = nullptr) : host_(nullptr) {
        events.clear();
        behaviour = std::move(what);
        test::host_options options;
        options.how = test::transport::tls;
        host_       = std::make_unique<test::lws_host>(protocols, options);
        peer_       = std::make_unique<raw_peer>(raw_peer::connect_by(host_->port(), [&](int fd) {
            auto stream = std::make_unique<test::http2_stream>(fd, "narrow", "here", ""sv, window);
            stream_     = stream.get();
            return stream;
        }));
    }
    ~stage() {
        host_.reset();
        CHECK(events.empty());
        behaviour = nullptr;
    }

    raw_peer &peer() { return *peer_; }
    void      open_window() { stream_->open_window(); }
    void      serve() { // so that lws has done what there was to do
        for (int i = 0; i < 3; ++i)
            host_->on_service_thread([](lws_context *) {});
    }
    void stop() { host_.reset(); }

private:
    std::unique_ptr<test::lws_host> host_;
    std::unique_ptr<raw_peer>       peer_;
    test::http2_stream             *stream_ = nullptr;
};

int close_on_receive(session &s, lws *, lws_callback_reasons reason) {
    if (reason == LWS_CALLBACK_RECEIVE) {
        s.ws.close(close_code{4001}, "bye");
        events.add("closing");
    }
    return 0;
}

int write_and_close_on_receive(session &s, lws *wsi, lws_callback_reasons reason) {
    if (reason == LWS_CALLBACK_RECEIVE) {
        unsigned char buffer[LWS_PRE + 10] = {};
        lws_write(wsi, buffer + LWS_PRE, 10, LWS_WRITE_BINARY);
    }
    return close_on_receive(s, wsi, reason);
}

int leave_reason_on_receive(session &, lws *wsi, lws_callback_reasons reason) {
    if (reason != LWS_CALLBACK_RECEIVE)
        return 0;
    unsigned char bye[] = {'b', 'y', 'e'};
    lws_close_reason(wsi, static_cast<lws_close_status>(4001), bye, sizeof bye);
    events.add("closing");
    return -1;
}

const std::string message   = std::string("\x82\x0A", 2) + std::string(10, '\0');
const std::string bye_frame = "\x88\x05\x0F\xA1"
                              "bye";
const std::string end_frame = "\x88\x05\x0F\xA2"
                              "end";

} // namespace

TEST_CASE("a Close frame for which the window has no room goes out once it has, behind what was queued") {
    const auto [what, queued] = GENERATE(table<decltype(&close_on_receive), std::string>(
        {{close_on_receive, ""}, {write_and_close_on_receive, message}, {leave_reason_on_receive, ""}}));
    stage now(keeps_to_window ? GENERATE(0u, 5u, 15u) : test::http2_stream::wide, what);
    now.peer().send_text("x");
    CHECK(events.next() == "closing");
    now.serve();
    now.open_window();
    CHECK(now.peer().answer_close_and_read_to_end().bytes == queued + bye_frame);
    CHECK(events.next() == "closed cleanly by us: sent 4001 \"bye\", received 4001 \"bye\"");
}

TEST_CASE("an answer for which the window has no room goes out once it has") {
    stage now(keeps_to_window ? 0 : test::http2_stream::wide);
    now.peer().send_close(end_frame.substr(2));
    now.serve();
    now.open_window();
    CHECK(now.peer().read_to_end().bytes == end_frame);
    CHECK(events.next() == "closed cleanly by the peer: received 4002 \"end\", sent 4002 \"end\"");
}

TEST_CASE("no Close frame is called sent that a closed window keeps, and the connection ends in time") {
    const auto [what, close_sent, stops] = GENERATE(table<decltype(&close_on_receive), bool, bool>({
        {close_on_receive, false, false},
        {write_and_close_on_receive, false, false},
        {leave_reason_on_receive, false, false},
        {nullptr, true, false},
        {close_on_receive, true, false}, // both close
        {close_on_receive, false, true}, // and the context is destroyed
        {close_on_receive, true, true},
    }));
    CAPTURE(what == nullptr, close_sent, stops);
    stage now(0, what);
    if (what) {
        now.peer().send_text("x");
        CHECK(events.next() == "closing");
    }
    now.serve();
    if (close_sent) {
        now.peer().send_close(end_frame.substr(2));
        now.serve();
    }
    if (stops)
        now.stop();
    const std::string report = events.next(4000); // sooner than lws' own limit of 5 s
    now.stop();
    const bool came = now.peer().read_to_end().bytes.find('\x88') != std::string::npos;
    CAPTURE(report);
    CHECK(report.find("closed ") == 0);
    if (keeps_to_window) { // otherwise the peer fails the stream
        CHECK_FALSE(came);
        CHECK(test::is_unclean(report));
        CHECK(report.find("sent 400") == std::string::npos);
        if (!stops && !(what && close_sent)) // lws shows no Close frame that comes while it holds data
            CHECK(report.find("(not_reading)") != std::string::npos);
    }
}
