// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that closes idle connections from a timer, kicks players from another thread, and says
// goodbye to all of them when it stops. Reads "kick", for the newest player, and "stop".

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <wsclose/lws.hpp>
#include <wsclose/lws/cross_thread.hpp>

static wsclose::connection_list players;

static wsclose::cross_thread_queue queue;

static std::mutex                newest_mutex;
static wsclose::cross_thread_ref newest; // for any thread

struct session {
    wsclose::connection             ws;
    wsclose::connection_list::entry listed; // a place in a list
    wsclose::timer                  idle;

    static constexpr lws_usec_t close_timeout = 2 * LWS_US_PER_SEC; // for a peer that does not answer

    void on_idle() { ws.close(wsclose::close_code::timeout, "no move for a minute"); }
    void on_close(const wsclose::close_report &report) { wsclose::log_report(report, "game"); }
};

static std::atomic<bool> stopping{false};

static int callback_game(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION && stopping)
        return -1; // refused
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        players.add(s->ws, s->listed); // it leaves the list when it ends
        const std::lock_guard<std::mutex> lock(newest_mutex);
        newest = wsclose::cross_thread_ref(queue, s->ws);
    }
    if (reason == LWS_CALLBACK_RECEIVE && std::string_view(static_cast<const char *>(in), len) == "quit") {
        s->ws.set_close_timeout(0); // do not wait for the answer
        s->ws.close(wsclose::close_code::normal_closure);
    }
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_RECEIVE)
        s->idle.start<&session::on_idle>(s->ws, 60 * LWS_US_PER_SEC, *s); // anew with each move
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"game", wsclose::tracked<callback_game, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    queue.protocol(),
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static void read_commands(lws_context *context) { // in a thread of its own
    for (std::string line; std::getline(std::cin, line) && line != "stop";) {
        const std::lock_guard<std::mutex> lock(newest_mutex);
        if (line == "kick" && !newest.close(wsclose::close_code{4001}, "kicked"))
            std::cout << "it has left already\n";
    }
    stopping = true;
    lws_cancel_service(context);
}

int main(int count, char **arguments) {
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = count > 1 ? std::atoi(arguments[1]) : 7681;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    std::thread reader(read_commands, context);
    while (!stopping && lws_service(context, 0) >= 0) {
    }
    players.close_all(wsclose::close_code::going_away, "the server stops");
    while (!players.empty() && lws_service(context, 0) >= 0) { // until each has answered, or had its time
    }
    reader.join();
    queue.stop(); // lws must not be woken while it is being destroyed
    lws_context_destroy(context);
    return 0;
}
