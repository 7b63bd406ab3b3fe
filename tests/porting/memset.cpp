// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// An echo server in the manner of C: a session is plain data, which the callback zeroes.

#include <csignal>
#include <cstdio>
#include <cstring>

#include <libwebsockets.h>

struct per_session_data {
    unsigned char buffer[LWS_PRE + 128];
    size_t        length;
    unsigned      messages;
};

static int callback_echo(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
    struct per_session_data *pss = (struct per_session_data *)user;

    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: memset(user, 0, sizeof(struct per_session_data)); break;
    case LWS_CALLBACK_RECEIVE:
        if (len == 5 && !memcmp(in, "close", 5)) {
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, (unsigned char *)"bye", 3);
            return -1;
        }
        pss->length = len < 128 ? len : 128;
        memcpy(&pss->buffer[LWS_PRE], in, pss->length);
        pss->messages++;
        lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (!pss->length)
            break;
        if (lws_write(wsi, &pss->buffer[LWS_PRE], pss->length, LWS_WRITE_TEXT) < 0)
            return -1;
        pss->length = 0;
        break;
    case LWS_CALLBACK_CLOSED: lwsl_info("%u messages\n", pss->messages); break;
    default: break;
    }
    return 0;
}

static struct lws_protocols protocols[] = {
    {"http", lws_callback_http_dummy, 0, 0, 0, NULL, 0},
    {"echo", callback_echo, sizeof(struct per_session_data), 0, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
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
