// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server with names: "name X" gives the connection a name, "kick X" closes the connection with that name, which is
// another one as a rule, and "close" one's own.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include <libwebsockets.h>

struct session {
    char name[32];
};

static std::map<std::string, lws *> users;

static void kick(const std::string &name) {
    const auto found = users.find(name);
    if (found == users.end())
        return;
    unsigned char text[] = "kicked";
    lws_close_reason(found->second, static_cast<lws_close_status>(4002), text, 6);
    lws_set_timeout(found->second, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static int callback_admin(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_RECEIVE) {
        const std::string message(static_cast<const char *>(in), len);
        if (message == "close") {
            unsigned char text[] = "bye";
            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, text, 3);
            return -1;
        }
        if (message.compare(0, 5, "name ") == 0) {
            std::snprintf(s->name, sizeof s->name, "%s", message.c_str() + 5);
            users[s->name] = wsi;
        }
        if (message.compare(0, 5, "kick ") == 0)
            kick(message.substr(5));
        lws_callback_on_writable(wsi);
    }
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        unsigned char buffer[LWS_PRE + 4] = {};
        std::memcpy(buffer + LWS_PRE, "done", 4);
        return lws_write(wsi, buffer + LWS_PRE, 4, LWS_WRITE_TEXT) < 0 ? -1 : 0;
    }
    if (reason == LWS_CALLBACK_CLOSED)
        users.erase(s->name);
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"admin", callback_admin, sizeof(session), 0, 0, nullptr, 0},
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
