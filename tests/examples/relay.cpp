// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The proxy of docs/examples/relay.cpp between two raw peers, a browser and a backend.

#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/raw_peer.hpp"

using namespace std::string_literals;
using test::raw_peer;
using test::stream_end;

namespace {

class proxy {
public:
    explicit proxy(std::uint16_t backend_port)
        : process_({std::getenv("WSCLOSE_RELAY"), "0", std::to_string(backend_port)}) {
        port_ = static_cast<std::uint16_t>(std::stoi(process_.line().substr(5))); // "port N"
    }
    ~proxy() {
        process_.signal(SIGTERM);
        CHECK(process_.wait() == 0);
    }
    proxy(const proxy &)            = delete;
    proxy &operator=(const proxy &) = delete;

    raw_peer      connect() const { return raw_peer::connect(port_, "chat"); }
    std::uint16_t port() const { return port_; }
    void          signal(int number) const { process_.signal(number); }

private:
    test::process process_;
    std::uint16_t port_;
};

struct both_legs {
    test::listener listener;
    proxy          between{listener.port()};
    raw_peer       browser = between.connect();
    raw_peer       backend = raw_peer::accept(listener, "chat");
};

std::string body(unsigned code, std::string_view text = "") {
    return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)}.append(text);
}
std::string wire(const std::string &close_body) { return "\x88"s + static_cast<char>(close_body.size()) + close_body; }

struct ending {
    std::string what;
    void (*happens)(raw_peer &); // to one leg
    std::string to_browser;      // what the other is sent
    std::string to_backend;
};

const ending endings[] = {
    {"a code and a text", [](raw_peer &p) { p.send_close(body(4001, "bye")); }, body(4001, "bye"), body(4001, "bye")},
    {"it leaves", [](raw_peer &p) { p.send_close(body(1001)); }, body(1001), body(1001)},
    {"no code", [](raw_peer &p) { p.send_close(""); }, "", ""},
    {"half a code", [](raw_peer &p) { p.send_close("\x03"); }, body(1014), body(1001)},
    {"text that is not UTF-8", [](raw_peer &p) { p.send_close(body(1000, "\xFF")); }, body(1014), body(1001)},
    {"it refuses our frames", [](raw_peer &p) { p.send_close(body(1002, "rsv")); }, body(1014, "rsv"),
     body(1001, "rsv")},
    {"it breaks the protocol", [](raw_peer &p) { p.send(p.frame(0xC1, "rsv1")); }, body(1014), body(1001)},
    {"the end of TCP", [](raw_peer &p) { p.send_fin(); }, body(1014), body(1001)},
    {"a reset of TCP", [](raw_peer &p) { p.reset(); }, body(1014), body(1001)},
};

} // namespace

TEST_CASE("the proxy passes messages both ways as they are") {
    both_legs  legs;
    const auto same = [](raw_peer &from, raw_peer &to) {
        from.send(from.text_frame("hello"));
        from.send(from.frame(0x82, "\x00\xFF"s));
        from.send(from.text_frame(""));
        from.send(from.frame(0x01, "in ") + from.frame(0x00, "three ") + from.frame(0x80, "parts"));
        CHECK(to.read_frame() == "\x81\x05hello");
        CHECK(to.read_frame() == "\x82\x02\x00\xFF"s);
        CHECK(to.read_frame() == "\x81\x00"s);
        CHECK(to.read_frame() == "\x01\x03in ");
        CHECK(to.read_frame() == "\x00\x06three "s);
        CHECK(to.read_frame() == "\x80\x05parts");
    };
    same(legs.browser, legs.backend);
    same(legs.backend, legs.browser);
}

TEST_CASE("the ending of either leg reaches the other one's peer as a valid Close frame") {
    for (const ending &one : endings) {
        INFO(one.what);
        both_legs ended_by_backend;
        one.happens(ended_by_backend.backend);
        CHECK(ended_by_backend.browser.answer_close_and_read_to_end().bytes == wire(one.to_browser));

        both_legs ended_by_browser;
        one.happens(ended_by_browser.browser);
        CHECK(ended_by_browser.backend.answer_close_and_read_to_end().bytes == wire(one.to_backend));
    }
}

TEST_CASE("each leg's peer gets the answer to its own Close frame, whatever the other leg is told") {
    both_legs legs;
    legs.backend.send_close(body(1010, "deflate"));
    CHECK(legs.browser.answer_close_and_read_to_end().bytes == wire(body(1014, "deflate")));
    const test::rest_of_stream rest = legs.backend.read_to_end();
    CHECK(rest.bytes == wire(body(1010, "deflate")));
    CHECK(rest.end == stream_end::fin);
}

TEST_CASE("if both peers close at once, each gets one Close frame: its own back, or the other one's") {
    const std::string of_browser = body(4001, "browser"), of_backend = body(4002, "backend");
    both_legs         legs;
    legs.between.signal(SIGSTOP); // so that both frames are there when the proxy looks
    legs.browser.send_close(of_browser);
    legs.backend.send_close(of_backend);
    legs.between.signal(SIGCONT);
    const std::string to_browser = legs.browser.read_to_end().bytes, to_backend = legs.backend.read_to_end().bytes;
    if (to_browser == wire(of_browser)) {
        CHECK((to_backend == wire(of_backend) || to_backend == wire(of_browser)));
    } else {
        CHECK(to_browser == wire(of_backend));
        CHECK(to_backend == wire(of_backend));
    }
}

TEST_CASE("if one peer closes while the other one drops TCP, nothing is left waiting") {
    both_legs legs;
    legs.between.signal(SIGSTOP);
    legs.browser.send_close(body(1000, "bye"));
    legs.backend.reset();
    legs.between.signal(SIGCONT);
    CHECK(legs.browser.read_to_end().bytes == wire(body(1000, "bye")));
}

TEST_CASE("what a peer sent before it closed arrives before the Close frame, however slow the other peer is") {
    both_legs         legs;
    const std::string message(60000, 'x');
    const int         count = 500; // 30 MB, more than sockets hold
    legs.backend.keep_little();
    std::thread       sender([&legs, &message] {
        for (int i = 0; i < count; ++i)
            legs.browser.send_text(message);
        legs.browser.send_close(body(1000, "all sent"));
    });
    const std::string whole = legs.backend.answer_close_and_read_to_end().bytes;
    sender.join();
    std::size_t      received = 0, frames = 0;
    std::string_view left = whole;
    for (test::frame_view next(left); next.is_whole() && !next.is_control(); next = test::frame_view(left)) {
        received += next.payload_size();
        ++frames;
        left.remove_prefix(next.size());
    }
    CHECK(received == count * message.size());
    CHECK(frames >= count);
    CHECK(left == wire(body(1000, "all sent")));
    CHECK(legs.browser.read_to_end().bytes == wire(body(1000, "all sent")));
}

TEST_CASE("a browser whose backend is not there is told so, with the reason") {
    const proxy       between(test::dead_port());
    raw_peer          browser = between.connect();
    const std::string told    = browser.answer_close_and_read_to_end().bytes;
    CHECK(told.substr(0, 1) == "\x88");
    CHECK(told.substr(2, 2) == body(1014));
    CHECK(told.size() > 4);
}

TEST_CASE("a browser whose backend refuses the WebSocket is told so, with the reason") {
    const test::listener listener;
    const proxy          between(listener.port());
    raw_peer             browser = between.connect();
    raw_peer::answer_http(listener, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    CHECK(browser.answer_close_and_read_to_end().bytes == wire(body(1014, "HS: ws upgrade response not 101")));
}

TEST_CASE(
    "a browser that closes before the backend has answered: the backend gets its messages, then the Close frame") {
    const test::listener listener;
    const proxy          between(listener.port());
    raw_peer             browser = between.connect();
    raw_peer             backend = raw_peer::accept(listener, "chat", test::transport::tcp, {}, true);
    browser.send_text("hello");
    browser.send_close(body(1000, "bye"));
    CHECK(browser.read_to_end().bytes == wire(body(1000, "bye")));
    backend.let_go();
    CHECK(backend.answer_close_and_read_to_end().bytes == "\x81\x05hello" + wire(body(1000, "bye")));
}

TEST_CASE("a browser that closes at once leaves nothing behind at the backend") {
    const test::listener listener;
    const proxy          between(listener.port());
    raw_peer             browser = raw_peer::connect_only(between.port());
    browser.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Protocol: chat\r\n\r\n" +
                 browser.close_frame(body(1000, "bye")));
    CHECK(browser.read_head().find(" 101 ") != std::string::npos);
    CHECK(browser.read_to_end().bytes == wire(body(1000, "bye")));
    raw_peer backend = raw_peer::accept_only(listener);
    CHECK(backend.read_to_end().bytes.empty());
}

TEST_CASE("a proxy that stops says goodbye to both peers") {
    both_legs legs;
    legs.between.signal(SIGTERM);
    CHECK(legs.browser.answer_close_and_read_to_end().bytes == wire(body(1001, "the proxy stops")));
    CHECK(legs.backend.answer_close_and_read_to_end().bytes == wire(body(1001, "the proxy stops")));
}
