// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// An echo server. Its sessions are C++ objects that the callback constructs in the memory of lws.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <new>
#include <string>

#include <libwebsockets.h>

struct session {
    std::string             topic = "everything that anybody has to say";
    std::deque<std::string> to_send;
};

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: new (user) session; break;
    case LWS_CALLBACK_RECEIVE: {
        std::string message(static_cast<const char *>(in), len);
        if (message == "close") {
            unsigned char text[] = "bye";
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, text, 3);
            return -1;
        }
        s->to_send.push_back(s->topic + ": " + message);
        lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE: {
        if (s->to_send.empty())
            break;
        std::string buffer(LWS_PRE, '\0');
        buffer += s->to_send.front();
        s->to_send.pop_front();
        lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), buffer.size() - LWS_PRE, LWS_WRITE_TEXT);
        if (!s->to_send.empty())
            lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_CLOSED: s->~session(); break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"echo", callback_echo, sizeof(session), 0, 0, nullptr, 0},
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
