// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that goes down well. On SIGTERM it closes its clients one after the other, in random order, spread over a
// window of time, and refuses newcomers. It shows how many are left, and ends when all are gone or the deadline is
// over. `going_down PORT WINDOW DEADLINE`, in seconds.

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <thread>

#include <wsclose/lws.hpp>

static wsclose::connection_list clients;
static wsclose::drain           going_down;

struct session {
    wsclose::connection             ws;
    wsclose::connection_list::entry listed;

    void on_close(const wsclose::close_report &report) { wsclose::log_report(report, "server"); }
};

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION && going_down.running())
        return wsclose::refuse(wsi, 30); // HTTP 503, Retry-After: 30
    if (reason == LWS_CALLBACK_ESTABLISHED)
        clients.add(s->ws, s->listed); // it leaves the list when it ends
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static std::atomic<bool> stopping{false};

static void wait_for_sigterm(lws_context *context, sigset_t signals) { // in a thread of its own
    int signal = 0;
    sigwait(&signals, &signal);
    stopping = true;
    lws_cancel_service(context);
}

static void go_down(lws_context *context, lws_usec_t window, lws_usec_t deadline) {
    const std::size_t total = going_down.start(clients, window, deadline, wsclose::close_code::going_away, "deploy");
    std::time_t       shown = 0;
    while (going_down.running() && lws_service(context, 0) >= 0) {
        const std::time_t now = std::time(nullptr);
        if (now != shown)
            std::cout << clients.size() << " of " << total << " left" << std::endl;
        shown = now;
    }
    std::cout << clients.size() << " of " << total << " left: down" << std::endl;
}

int main(int count, char **arguments) {
    const auto number = [&](int i, int otherwise) { return count > i ? std::atoi(arguments[i]) : otherwise; };
    sigset_t   signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr); // for all threads: one of them waits for it

    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = number(1, 7681);
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    std::cout << "port " << lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")) << std::endl;
    std::thread waiter(wait_for_sigterm, context, signals);
    while (!stopping && lws_service(context, 0) >= 0) {
    }
    waiter.join();
    go_down(context, number(2, 20) * LWS_US_PER_SEC, number(3, 28) * LWS_US_PER_SEC);
    lws_context_destroy(context);
    return 0;
}
