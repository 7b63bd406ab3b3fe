// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server that counts how its connections end, and shows the numbers to Prometheus: as /metrics, over plain HTTP on
// the same port. It says on which port it listens: metrics_server PORT, or 0 for any that is free.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <wsclose/close_counters.hpp>
#include <wsclose/lws.hpp>

enum class chat_code { flooding = 4000 };

template <>
struct wsclose::close_code_traits<chat_code> {
    static constexpr wsclose::named_code<chat_code> codes[] = {{chat_code::flooding, "flooding"}};
};

static wsclose::basic_close_counters<chat_code> counters;

struct session {
    wsclose::connection ws;
    std::string         page; // what an HTTP request is answered with

    void on_close(const wsclose::close_report &report) { counters.count(report); }
};

// Answers a request with the head of a response. The page follows as soon as the socket takes it.
static int begin_response(lws *wsi, session *s) {
    s->page.assign(LWS_PRE, '\0'); // lws_write() needs that much in front
    wsclose::write_metrics([s](std::string_view piece) { s->page += piece; }, counters);

    unsigned char  head[LWS_PRE + 512];
    unsigned char *begin = head + LWS_PRE, *at = begin, *end = head + sizeof head;
    if (lws_add_http_common_headers(wsi, HTTP_STATUS_OK, "text/plain; version=0.0.4", s->page.size() - LWS_PRE, &at,
                                    end) != 0 ||
        lws_finalize_write_http_header(wsi, begin, &at, end) != 0)
        return -1;
    lws_callback_on_writable(wsi);
    return 0;
}

static int end_response(lws *wsi, session *s) {
    unsigned char *page = reinterpret_cast<unsigned char *>(&s->page[0]) + LWS_PRE;
    if (lws_write(wsi, page, s->page.size() - LWS_PRE, LWS_WRITE_HTTP_FINAL) < 0)
        return -1;
    s->page.clear();
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int callback_chat(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_HTTP && std::string_view(static_cast<const char *>(in), len) == "/metrics")
        return begin_response(wsi, s);
    if (reason == LWS_CALLBACK_HTTP_WRITEABLE && !s->page.empty())
        return end_response(wsi, s);
    if (reason == LWS_CALLBACK_RECEIVE && len > 1000)
        s->ws.close(chat_code::flooding, "1000 bytes at most");
    return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static const lws_protocols protocols[] = {
    {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_set_log_level(LLL_ERR | LLL_WARN, nullptr);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = count > 1 ? std::atoi(arguments[1]) : 7681;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    std::printf("http://127.0.0.1:%d/metrics\n", lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")));
    std::fflush(stdout);
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
