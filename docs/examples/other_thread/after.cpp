// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server whose clients another thread sends messages to, and closes: before.cpp, ported. Reads "say ID TEXT",
// "kick ID" and "stop".

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <wsclose/lws.hpp>
#include <wsclose/lws/cross_thread.hpp>

static wsclose::cross_thread_queue queue;

struct client {
    wsclose::cross_thread_ref ref;
    std::deque<std::string>   to_send;
};

static std::mutex            clients_mutex;
static std::map<int, client> clients; // for all threads

struct lws_session {
    wsclose::connection ws;
    int                 id = 0;

    void on_close(const wsclose::close_report &report) { wsclose::log_report(report, "news"); }
};

static void say(int id, std::string text) { // in another thread
    const std::lock_guard<std::mutex> lock(clients_mutex);
    const auto                        found = clients.find(id);
    if (found == clients.end())
        return;
    found->second.to_send.push_back(std::move(text));
    found->second.ref.request_writable();
}

static void kick(int id) { // in another thread
    const std::lock_guard<std::mutex> lock(clients_mutex);
    const auto                        found = clients.find(id);
    if (found != clients.end())
        found->second.ref.close(wsclose::close_code{4001}, "kicked");
}

static int write_next(lws *wsi, client &c) {
    if (c.to_send.empty())
        return 0;
    std::string buffer(LWS_PRE, '\0');
    buffer += c.to_send.front();
    c.to_send.pop_front();
    if (!c.to_send.empty())
        lws_callback_on_writable(wsi);
    unsigned char *const begin = reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]);
    return lws_write(wsi, begin, buffer.size() - LWS_PRE, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

static int callback_news(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    static int   last_id = 0;
    lws_session *s       = static_cast<lws_session *>(user);
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        s->id = ++last_id;
        const std::lock_guard<std::mutex> lock(clients_mutex);
        clients[s->id].ref = wsclose::cross_thread_ref(queue, s->ws);
    }
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        const std::lock_guard<std::mutex> lock(clients_mutex);
        return write_next(wsi, clients[s->id]);
    }
    if (reason == LWS_CALLBACK_CLOSED) {
        const std::lock_guard<std::mutex> lock(clients_mutex);
        clients.erase(s->id);
    }
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"news", wsclose::tracked<callback_news, &lws_session::ws>, sizeof(lws_session), 0, 0, nullptr, 0},
    queue.protocol(),
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static std::atomic<bool> stopping{false};

static void read_commands(lws_context *context) {
    int id = 0;
    for (std::string command, text; std::cin >> command && command != "stop" && std::cin >> id;) {
        if (command == "kick")
            kick(id);
        else if (std::getline(std::cin >> std::ws, text))
            say(id, text);
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
    reader.join(); // if it went on, queue.stop() would have to stand here
    lws_context_destroy(context);
    return 0;
}
