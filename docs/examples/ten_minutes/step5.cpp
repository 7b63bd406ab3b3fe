// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Step 5: on SIGTERM it says goodbye to everybody.

#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include <wsclose/lws.hpp>

#include "serve.hpp"

enum class echo_code { kicked = 4001, idle = 4002 };

template <>
struct wsclose::close_code_traits<echo_code> {
    static constexpr wsclose::named_code<echo_code> codes[] = {{echo_code::kicked, "kicked"},
                                                               {echo_code::idle, "idle"}};
};

struct session {
    wsclose::connection             ws;
    wsclose::timer                  idle;
    wsclose::connection_list::entry listed;

    static constexpr lws_usec_t close_timeout = 1 * LWS_US_PER_SEC; // for the peer to answer

    unsigned char echo[LWS_PRE + 100];
    size_t        length;

    void on_idle() { ws.close(echo_code::idle, "say something"); }
    void on_close(const wsclose::close_report &report) { wsclose::log_report<echo_code>(report, "echo"); }
};

static wsclose::connection_list everybody;
static wsclose::connection_ref  newest; // empty once that connection has ended

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        newest = wsclose::connection_ref(s->ws);
        everybody.add(s->ws, s->listed); // it leaves the list when it ends
        s->idle.start<&session::on_idle>(s->ws, 2 * LWS_US_PER_SEC, *s);
        break;
    case LWS_CALLBACK_RECEIVE: {
        s->idle.start<&session::on_idle>(s->ws, 2 * LWS_US_PER_SEC, *s); // anew
        const std::string message(static_cast<const char *>(in), len);
        if (message == "bye")
            s->ws.close(wsclose::close_code::normal_closure, "see you");
        if (message == "kick")
            newest.close(echo_code::kicked, "by another user");
        if (len > sizeof s->echo - LWS_PRE) {
            s->ws.close(wsclose::close_code::message_too_big, "too long: " + message);
            break;
        }
        std::memcpy(s->echo + LWS_PRE, in, len);
        s->length = len;
        lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (s->length)
            lws_write(wsi, s->echo + LWS_PRE, s->length, LWS_WRITE_TEXT);
        s->length = 0;
        break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"echo", wsclose::tracked<callback_echo, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static std::atomic<bool> stopping{false};

int main(int count, char **arguments) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr); // before any thread starts
    lws_context *context = listen(count, arguments, protocols);
    if (!context)
        return 1;
    std::thread waiter([&] {
        int signal = 0;
        sigwait(&signals, &signal);
        stopping = true;
        lws_cancel_service(context); // the only function of lws for other threads
    });
    while (!stopping && lws_service(context, 0) >= 0) {
    }
    everybody.close_all(wsclose::close_code::going_away, "the server stops");
    while (!everybody.empty() && lws_service(context, 0) >= 0) { // until each has answered, or had its time
    }
    waiter.join();
    lws_context_destroy(context);
}
