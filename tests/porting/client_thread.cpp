// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A client that echoes: client_thread PORT. lws runs in a thread of its own, until another thread says that it stops.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <string>
#include <thread>

#include <libwebsockets.h>

struct connection_data {
    std::string        to_send;
    std::promise<void> done; // what the other thread waits for
    bool               is_done = false;
    bool               is_over = false;

    void finish() {
        if (!is_done)
            done.set_value();
        is_done = true;
    }
};

static std::atomic<bool> stops{false};

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *, void *in, size_t len) {
    connection_data *data = static_cast<connection_data *>(lws_wsi_user(wsi));
    if (!data)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (std::string(static_cast<const char *>(in), len) == "close") {
            data->finish();
        } else {
            data->to_send.assign(static_cast<const char *>(in), len);
            lws_callback_on_writable(wsi);
        }
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE: {
        if (data->to_send.empty())
            break;
        std::string buffer(LWS_PRE, '\0');
        buffer += data->to_send;
        data->to_send.clear();
        lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), buffer.size() - LWS_PRE, LWS_WRITE_TEXT);
        break;
    }
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        data->is_over = true;
        data->finish();
        break;
    default: break;
    }
    return stops ? -1 : 0;
}

static const lws_protocols protocols[] = {
    {"echo", callback_echo, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

static void serve(lws_context *context, connection_data *data) {
    while (!data->is_over && !stops && lws_service(context, 0) >= 0) {
    }
}

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
    connection_data         data;
    lws_client_connect_info connect;
    std::memset(&connect, 0, sizeof connect);
    connect.context                   = context;
    connect.address                   = "127.0.0.1";
    connect.host                      = connect.address;
    connect.origin                    = connect.address;
    connect.port                      = std::atoi(arguments[1]);
    connect.path                      = "/";
    connect.protocol                  = protocols[0].name;
    connect.userdata                  = &data;
    connect.ietf_version_or_minus_one = -1;
    lws_client_connect_via_info(&connect);
    std::thread service(serve, context, &data);
    data.done.get_future().wait();
    stops = true;
    lws_cancel_service(context);
    service.join();
    lws_context_destroy(context);
    return 0;
}
