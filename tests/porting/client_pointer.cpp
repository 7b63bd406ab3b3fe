// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A client that echoes: client_pointer PORT. lws allocates the memory for the callback, and the callback keeps a
// pointer to its session there.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <libwebsockets.h>

struct session {
    std::string to_send;
};

static bool over = false;

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session **slot = static_cast<session **>(user);
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED: *slot = new session; break;
    case LWS_CALLBACK_CLIENT_RECEIVE: {
        session *s = *slot;
        s->to_send.assign(static_cast<const char *>(in), len);
        if (s->to_send == "close") {
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, reinterpret_cast<unsigned char *>(&s->to_send[0]), 5);
            return -1;
        }
        lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_CLIENT_WRITEABLE: {
        session *s = *slot;
        if (s->to_send.empty())
            break;
        s->to_send.insert(0, LWS_PRE, '\0');
        lws_write(wsi, reinterpret_cast<unsigned char *>(&s->to_send[LWS_PRE]), s->to_send.size() - LWS_PRE,
                  LWS_WRITE_TEXT);
        s->to_send.clear();
        break;
    }
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        std::printf("failed\n");
        if (slot && *slot)
            delete *slot;
        over = true;
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (*slot)
            delete *slot;
        over = true;
        break;
    default: break;
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"echo", callback_echo, sizeof(session *), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int, char **arguments) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = CONTEXT_PORT_NO_LISTEN;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    lws_client_connect_info connect;
    std::memset(&connect, 0, sizeof connect);
    connect.context                   = context;
    connect.address                   = "127.0.0.1";
    connect.host                      = connect.address;
    connect.origin                    = connect.address;
    connect.port                      = std::atoi(arguments[1]);
    connect.path                      = "/";
    connect.protocol                  = protocols[0].name;
    connect.ietf_version_or_minus_one = -1;
    lws_client_connect_via_info(&connect);
    while (!over && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
