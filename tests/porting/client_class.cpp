// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A client that echoes, as a class: client_class PORT. lws gets the instance as the user data of its connection.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <libwebsockets.h>

class client {
public:
    void connect(lws_context *context, int port) {
        lws_client_connect_info info;
        std::memset(&info, 0, sizeof info);
        info.context                   = context;
        info.address                   = "127.0.0.1";
        info.host                      = info.address;
        info.origin                    = info.address;
        info.port                      = port;
        info.path                      = "/";
        info.protocol                  = protocols[0].name;
        info.userdata                  = this;
        info.ietf_version_or_minus_one = -1;
        lws_client_connect_via_info(&info);
    }

    bool done() const { return done_; }

    static const lws_protocols protocols[];

private:
    static int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
        client *self = static_cast<client *>(user);
        switch (reason) {
        case LWS_CALLBACK_CLIENT_ESTABLISHED: self->wsi_ = wsi; break;
        case LWS_CALLBACK_CLIENT_RECEIVE: self->receive(std::string(static_cast<const char *>(in), len)); break;
        case LWS_CALLBACK_CLIENT_WRITEABLE: self->write(); break;
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        case LWS_CALLBACK_CLIENT_CLOSED:
            self->wsi_  = nullptr;
            self->done_ = true;
            break;
        default: break;
        }
        return 0;
    }

    void receive(const std::string &message) {
        if (message == "close") {
            close(LWS_CLOSE_STATUS_NORMAL, message);
        } else {
            to_send_ = message;
            lws_callback_on_writable(wsi_);
        }
    }

    void write() {
        if (to_send_.empty())
            return;
        std::string buffer(LWS_PRE, '\0');
        buffer += to_send_;
        to_send_.clear();
        lws_write(wsi_, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), buffer.size() - LWS_PRE, LWS_WRITE_TEXT);
    }

    void close(lws_close_status code, std::string text) {
        lws_close_reason(wsi_, code, reinterpret_cast<unsigned char *>(&text[0]), text.size());
        lws_set_timeout(wsi_, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    }

    lws        *wsi_ = nullptr;
    std::string to_send_;
    bool        done_ = false;
};

const lws_protocols client::protocols[] = {
    {"echo", client::callback, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int, char **arguments) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = CONTEXT_PORT_NO_LISTEN;
    info.protocols       = client::protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    client only;
    only.connect(context, std::atoi(arguments[1]));
    while (!only.done())
        lws_service(context, 0);
    lws_context_destroy(context);
    return 0;
}
