// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// An echo server. Each connection is an instance of a class, which the callback creates and gives to lws.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <libwebsockets.h>

class session {
public:
    explicit session(lws *wsi) : wsi_(wsi) { ++count_; }
    ~session() { --count_; }

    int on_message(const std::string &message) {
        if (message == "close")
            return close(LWS_CLOSE_STATUS_NORMAL, "bye");
        to_send_ = message + " (" + std::to_string(count_) + ")";
        lws_callback_on_writable(wsi_);
        return 0;
    }

    int on_writable() {
        if (to_send_.empty())
            return 0;
        to_send_.insert(0, LWS_PRE, '\0');
        unsigned char *const begin   = reinterpret_cast<unsigned char *>(&to_send_[LWS_PRE]);
        const int            written = lws_write(wsi_, begin, to_send_.size() - LWS_PRE, LWS_WRITE_TEXT);
        to_send_.clear();
        return written < 0 ? -1 : 0;
    }

private:
    int close(lws_close_status code, std::string text) {
        lws_close_reason(wsi_, code, reinterpret_cast<unsigned char *>(&text[0]), text.size());
        return -1;
    }

    static int count_;

    lws        *wsi_;
    std::string to_send_;
};

int session::count_ = 0;

static int callback_echo(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: lws_set_wsi_user(wsi, new session(wsi)); break;
    case LWS_CALLBACK_RECEIVE: return s->on_message(std::string(static_cast<const char *>(in), len));
    case LWS_CALLBACK_SERVER_WRITEABLE: return s->on_writable();
    case LWS_CALLBACK_CLOSED: delete s; break;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"echo", callback_echo, 0, 0, 0, nullptr, 0},
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
