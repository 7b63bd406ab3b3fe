// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that stops on SIGTERM. It counts the messages of each connection.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <libwebsockets.h>

struct session {
    unsigned messages;
    bool     answers;
};

static int callback_count(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_RECEIVE) {
        ++s->messages;
        if (len == 5 && std::memcmp(in, "close", 5) == 0) {
            unsigned char text[] = "bye";
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, text, 3);
            return -1;
        }
        s->answers = true;
        lws_callback_on_writable(wsi);
    }
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE && s->answers) {
        std::string buffer(LWS_PRE, '\0');
        buffer += std::to_string(s->messages);
        lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), buffer.size() - LWS_PRE, LWS_WRITE_TEXT);
        s->answers = false;
    }
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"count", callback_count, sizeof(session), 0, 0, nullptr, 0},
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
