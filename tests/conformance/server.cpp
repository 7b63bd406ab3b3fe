// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket server that closes as messages tell it to, and reports each ending as one line
// of JSON. For anybody's tests; docs/conformance.md says how to drive it.

#include <string>
#include <thread>

#include <wsclose/lws.hpp>
#include <wsclose/lws/cross_thread.hpp>

#include "program.hpp"
#include "report.hpp"

namespace {

wsclose::cross_thread_queue remote;

struct session {
    wsclose::connection   ws;
    wsclose::timer        timer;
    conformance::messages messages;
    std::uint16_t         code = 0;
    std::string           text;

    void on_timer() { conformance::start_close(ws, code, text); }
    void on_close(const wsclose::close_report &report) { conformance::print_report("server", report); }
};

/// Does what a message asks for. Nonzero ends the connection at once.
int obey(session &s, const conformance::command &command) {
    if (command.how == "drop")
        return -1;
    if (command.how == "close") {
        conformance::start_close(s.ws, command.code, command.text);
    } else if (command.how == "close-soon") {
        s.code = command.code;
        s.text = command.text;
        s.timer.start<&session::on_timer>(s.ws, 20 * LWS_US_PER_MS, s);
    } else { // close-thread
        const wsclose::close_code  code{command.code};
        const wsclose::make_result made = wsclose::close_frame::make(code, command.text);
        conformance::print_adjusted(code, made.error);
        std::thread([handle = wsclose::cross_thread_ref(remote, s.ws),
                     frame  = wsclose::close_frame::fit(code, command.text)] {
            handle.close(frame);
        }).join();
    }
    return 0;
}

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        if (!s->messages.receive(wsi, in, len))
            break;
        if (const auto command = conformance::to_command(s->messages.incoming()); command && !lws_frame_is_binary(wsi))
            return obey(*s, *command);
        s->messages.push(s->messages.incoming(), lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
        s->ws.request_writable();
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (!s->messages.empty() && !s->messages.write_one(wsi))
            return -1;
        if (!s->messages.empty())
            s->ws.request_writable();
        break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len); // answers plain HTTP with 404
    }
    return 0;
}

const lws_protocols protocols[] = {
    {conformance::subprotocol, wsclose::tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    remote.protocol(),
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

int main(int count, char **arguments) { return conformance::serve(protocols, count, arguments); }
