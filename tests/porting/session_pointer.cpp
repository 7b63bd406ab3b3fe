// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// An echo server. The memory that lws gives to the callback holds a pointer to the session.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <libwebsockets.h>

struct session {
    explicit session(lws *its_wsi) : wsi(its_wsi) {}

    void send(std::string message) {
        to_send = std::move(message);
        lws_callback_on_writable(wsi);
    }

    lws        *wsi;
    std::string to_send;
};

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session **slot = static_cast<session **>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: *slot = new session(wsi); break;
    case LWS_CALLBACK_RECEIVE: {
        std::string message(static_cast<const char *>(in), len);
        if (message == "close") {
            unsigned char text[] = "bye";
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, text, 3);
            return -1;
        }
        (*slot)->send(message);
        break;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE: {
        session *s = *slot;
        if (s->to_send.empty())
            break;
        s->to_send.insert(0, LWS_PRE, '\0');
        lws_write(wsi, reinterpret_cast<unsigned char *>(&s->to_send[LWS_PRE]), s->to_send.size() - LWS_PRE,
                  LWS_WRITE_TEXT);
        s->to_send.clear();
        break;
    }
    case LWS_CALLBACK_CLOSED: delete *slot; break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"echo", callback_echo, sizeof(session *), 0, 0, nullptr, 0},
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
