// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket server that closes as it is told to by messages, and reports each ending as one line
// of JSON. For anybody's tests; docs/conformance.md says how to drive it.

#include <string>

#include <wsclose/lws.hpp>

#include "program.hpp"
#include "report.hpp"

namespace {

struct session {
    wsclose::connection    close;
    conformance::messages  messages;
    lws_sorted_usec_list_t timer = {};
    std::uint16_t          code  = 0;
    std::string            text;

    ~session() { lws_dll2_remove(&timer.list); }
    void on_close(const wsclose::close_report &report) { conformance::print_report("server", report); }
};

void on_timer(lws_sorted_usec_list_t *timer) {
    session *s = lws_container_of(timer, session, timer);
    conformance::start_close(s->close, s->code, s->text);
}

/// Does what a message asks for. Nonzero ends the connection at once.
int obey(session &s, lws *wsi, const conformance::command &command) {
    if (command.how == "drop")
        return -1;
    if (command.how == "close") {
        conformance::start_close(s.close, command.code, command.text);
    } else if (command.how == "close-soon") {
        s.code = command.code;
        s.text = command.text;
        lws_sul_schedule(lws_get_context(wsi), 0, &s.timer, on_timer, 20 * LWS_US_PER_MS);
    } else {
        s.messages.push("error: close-thread: there is no thread-safe way to close yet; use close or close-soon",
                        LWS_WRITE_TEXT);
        s.close.request_writable();
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
            return obey(*s, wsi, *command);
        s->messages.push(s->messages.incoming(), lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
        s->close.request_writable();
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (!s->messages.empty() && !s->messages.write_one(wsi))
            return -1;
        if (!s->messages.empty())
            s->close.request_writable();
        break;
    default: break;
    }
    return 0;
}

const lws_protocols protocols[] = {
    {conformance::subprotocol, wsclose::tracked<callback, &session::close>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

int main(int count, char **arguments) {
    const auto port = conformance::port_argument(count, arguments);
    if (!port)
        return 2;
    lws_context *context = conformance::listen(protocols, *port);
    if (!context) {
        std::fprintf(stderr, "cannot listen on 127.0.0.1:%u; choose another port, or 0 for a free one\n", *port);
        return 1;
    }
    conformance::run(context);
    return 0;
}
