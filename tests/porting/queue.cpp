// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that streams what a client asks for: its messages wait in a queue, and one goes out with each
// writeable callback. "close" is answered with three messages, and then the connection closes.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>

#include <libwebsockets.h>

struct session {
    std::deque<std::string> *queue;
    bool                     last; // close once the queue is empty
};

static void send(lws *wsi, session *s, const std::string &message) {
    s->queue->push_back(std::string(LWS_PRE, '\0') + message);
    lws_callback_on_writable(wsi);
}

static int callback_stream(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: s->queue = new std::deque<std::string>; break;
    case LWS_CALLBACK_RECEIVE:
        if (std::string(static_cast<const char *>(in), len) == "close") {
            for (const char *message : {"one", "two", "three"})
                send(wsi, s, message);
            s->last = true;
        } else {
            send(wsi, s, std::string(static_cast<const char *>(in), len));
        }
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (!s->queue->empty()) {
            std::string &message = s->queue->front();
            lws_write(wsi, reinterpret_cast<unsigned char *>(&message[LWS_PRE]), message.size() - LWS_PRE,
                      LWS_WRITE_TEXT);
            s->queue->pop_front();
        }
        if (!s->queue->empty()) {
            lws_callback_on_writable(wsi);
        } else if (s->last) {
            unsigned char text[] = "bye";
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, text, 3);
            return -1;
        }
        break;
    case LWS_CALLBACK_CLOSED: delete s->queue; break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"stream", callback_stream, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static volatile std::sig_atomic_t stopping = 0;

int main() {
    std::signal(SIGTERM, [](int) { stopping = 1; });
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    std::printf("port %d\n", lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")));
    while (!stopping && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
