// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The two ends between which `./dev proxies` puts a proxy:
//
//   proxied server PORT [PINGS]
//                                listens on 127.0.0.1
//   proxied client PORT PATH [PINGS [tls]]
//                                connects once
//
// With PINGS, lws pings a peer that was silent for so many seconds, and hangs up after twice that time. Each ending is
// a line of JSON, with the path of the request, and a client's with the advice whether to come back. The server does
// what a text message says, and returns every other message:
//
//   close CODE TEXT   closes
//   hurry CODE TEXT   closes, and does not wait for the answer
//   drop              ends TCP without a Close frame
//   pour SIZE         sends a message of SIZE bytes
//   tick              sends a message every half second
//   hush              does nothing

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

#include <wsclose/lws.hpp>

#include "conformance/program.hpp"

namespace {

bool is_client = false;

struct session {
    wsclose::connection   ws;
    wsclose::timer        ticks;
    conformance::messages messages;
    std::string           path;

    void say(std::string_view text) {
        messages.push(text, LWS_WRITE_TEXT);
        ws.request_writable();
    }
    void tick() {
        ticks.start<&session::tick>(ws, LWS_US_PER_SEC / 2, *this);
        say("tick");
    }
    void on_close(const wsclose::close_report &report) {
        std::string line = "{\"event\":\"closed\",\"path\":\"" + path + "\",";
        wsclose::write_json_members(report, [&line](std::string_view piece) { line += piece; });
        line += ",\"advice\":\"";
        line += name(wsclose::advise(report).what);
        conformance::print_line(line + "\"}");
        if (is_client)
            conformance::request_stop();
    }
};

std::string path_of(lws *wsi) {
    char path[100];
    return lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) > 0 ? path : "";
}

/// Does what a message says. Nonzero ends the connection at once.
int obey(session &s, std::string_view message) {
    std::string_view       rest = message;
    const std::string_view word = conformance::take_word(rest);
    if (word == "drop")
        return -1;
    if (word == "pour") {
        s.say(std::string(static_cast<std::size_t>(std::atol(std::string(rest).c_str())), 'x'));
    } else if (word == "tick") {
        s.tick();
    } else if (word == "close" || word == "hurry") {
        if (word == "hurry")
            s.ws.set_close_timeout(0);
        const auto code = conformance::to_number(conformance::take_word(rest));
        s.ws.close(wsclose::close_code{code.value_or(0)}, rest);
    } else if (word != "hush") {
        s.say(message);
    }
    return 0;
}

int serve(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        s->path = path_of(wsi);
        return s->path == "/busy" ? wsclose::refuse(wsi, 30) : 0;
    case LWS_CALLBACK_RECEIVE: return s->messages.receive(wsi, in, len) ? obey(*s, s->messages.incoming()) : 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (!s->messages.empty() && !s->messages.write_one(wsi))
            return -1;
        if (!s->messages.empty())
            s->ws.request_writable();
        return 0;
    default: return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

int converse(lws *, lws_callback_reasons reason, void *, void *, std::size_t) {
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
        conformance::print_line("{\"event\":\"open\"}");
    return 0;
}

const lws_protocols server_protocols[] = {
    {conformance::subprotocol, wsclose::tracked<serve, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

const lws_protocols client_protocols[] = {
    {conformance::subprotocol, wsclose::tracked<converse, &session::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

lws_retry_bo_t pings;

int connect(lws_context_creation_info &info, int port, const char *path, bool tls) {
    info.port            = CONTEXT_PORT_NO_LISTEN;
    info.protocols       = client_protocols;
    info.options         = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    session own;
    own.path = path;
    lws_client_connect_info to;
    std::memset(&to, 0, sizeof to);
    to.context                   = context;
    to.address                   = "127.0.0.1";
    to.host                      = to.address;
    to.origin                    = to.address;
    to.port                      = port;
    to.path                      = path;
    to.protocol                  = conformance::subprotocol;
    to.local_protocol_name       = conformance::subprotocol;
    to.ietf_version_or_minus_one = -1;
    to.userdata                  = &own;
    if (tls)
        to.ssl_connection = LCCSCF_USE_SSL | LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    to.retry_and_idle_policy = info.retry_and_idle_policy;
    lws_client_connect_via_info(&to);
    conformance::run(context);
    return 0;
}

int listen(lws_context_creation_info &info, int port) {
    info.port            = port;
    info.iface           = "127.0.0.1";
    info.protocols       = server_protocols;
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    conformance::print_line("{\"event\":\"listening\"}");
    conformance::run(context);
    return 0;
}

} // namespace

int main(int count, char **arguments) {
    lws_set_log_level(LLL_ERR, nullptr);
    const auto argument = [&](int i) { return count > i ? arguments[i] : "0"; };
    is_client           = std::string_view(argument(1)) == "client";
    const auto seconds  = static_cast<std::uint16_t>(std::atoi(argument(is_client ? 4 : 3)));

    pings.secs_since_valid_ping   = seconds;
    pings.secs_since_valid_hangup = static_cast<std::uint16_t>(2 * seconds);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.gid                   = static_cast<decltype(info.gid)>(-1);
    info.uid                   = static_cast<decltype(info.uid)>(-1);
    info.retry_and_idle_policy = seconds ? &pings : nullptr;
    return is_client ? connect(info, std::atoi(argument(2)), argument(3), std::string_view(argument(5)) == "tls")
                     : listen(info, std::atoi(argument(2)));
}
