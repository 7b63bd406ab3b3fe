// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that turns clients away, in two ways: over HTTP, where a browser does not show its page why, and by a Close
// frame, which it does show. refusing PORT; the path says what is wrong: /full, /banned, /no-token ...

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>

#include <wsclose/lws.hpp>

enum class chat_code { banned = 4003 };

template <>
struct wsclose::close_code_traits<chat_code> {
    static constexpr wsclose::named_code<chat_code> codes[] = {{chat_code::banned, "banned"}};
};

/// What is wrong with a client, if anything.
enum class objection { none, full, banned, no_token };

static objection objection_to(lws *wsi) {
    char                   path[32] = "";
    const int              length   = lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    const std::string_view asked(path, length > 0 ? static_cast<std::size_t>(length) : 0);
    return asked == "/full"       ? objection::full
           : asked == "/banned"   ? objection::banned
           : asked == "/no-token" ? objection::no_token
                                  : objection::none;
}

struct session {
    wsclose::connection ws;
    objection           what = objection::none;

    void on_close(const wsclose::close_report &report) { wsclose::log_report<chat_code>(report, "chat"); }
};

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION)
        s->what = objection_to(wsi); // the request can be read here, and no longer when it is established
    if (reason == LWS_CALLBACK_ESTABLISHED) {
        switch (s->what) {
        case objection::none: break;
        case objection::full: s->ws.close(wsclose::close_code::try_again_later, "all seats are taken"); break;
        case objection::banned: s->ws.close(chat_code::banned, "until Monday"); break;
        case objection::no_token: s->ws.close(wsclose::close_code::unauthorized, "log in first"); break;
        }
    }
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static int refuse_over_http(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    if (reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION) {
        switch (objection_to(wsi)) {
        case objection::none: break;
        case objection::full: return wsclose::refuse(wsi, 30); // HTTP 503, Retry-After: 30
        case objection::banned: lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, nullptr); return -1;
        case objection::no_token: lws_return_http_status(wsi, HTTP_STATUS_UNAUTHORIZED, nullptr); return -1;
        }
    }
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"chat-http", refuse_over_http, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = count > 1 ? std::atoi(arguments[1]) : 7681;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    std::cout << "{\"port\":" << lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")) << "}"
              << std::endl;
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
