// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A WebSocket client that connects, sends, closes if asked, and reports the ending as one line of
// JSON. For anybody's tests; docs/conformance.md says how to drive it.

#include <cstdlib>
#include <string>
#include <string_view>

#include <wsclose/lws.hpp>

#include "program.hpp"
#include "report.hpp"

namespace {

/// What the command line asks for.
struct plan {
    std::string           host;
    std::string           path;
    std::uint16_t         port     = 80;
    bool                  tls      = false;
    bool                  insecure = false;   // any certificate will do
    const char           *ca       = nullptr; // a file with those to trust
    conformance::messages messages;
    bool                  close = false;
    std::uint16_t         code  = 0;
    std::string           text;
};

plan asked;

struct session {
    wsclose::connection ws;

    void on_close(const wsclose::close_report &report) {
        conformance::print_report("client", report);
        conformance::request_stop();
    }
};

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    session *s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED: lws_callback_on_writable(wsi); break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (!asked.messages.empty()) {
            if (!asked.messages.write_one(wsi))
                return -1;
            s->ws.request_writable();
        } else if (asked.close) {
            conformance::start_close(s->ws, asked.code, asked.text);
        }
        break;
    default: break;
    }
    return 0;
}

const lws_protocols protocols[] = {
    {conformance::subprotocol, wsclose::tracked<callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

bool read_url(std::string_view url) {
    const std::string_view scheme = url.substr(0, url.find("://"));
    if (scheme != "ws" && scheme != "wss")
        return false;
    url.remove_prefix(scheme.size() + 3);
    asked.tls = scheme == "wss";
    if (asked.tls)
        asked.port = 443;
    const std::string_view authority = url.substr(0, url.find('/'));
    asked.path                       = url.substr(authority.size());
    if (asked.path.empty())
        asked.path = "/";
    const std::size_t colon = authority.find(':');
    asked.host              = authority.substr(0, colon);
    if (colon != std::string_view::npos) {
        const auto port = conformance::to_number(authority.substr(colon + 1));
        if (!port)
            return false;
        asked.port = *port;
    }
    return !asked.host.empty();
}

bool read_arguments(int count, char **arguments) {
    bool has_url = false;
    for (int i = 1; i < count; ++i) {
        const std::string_view option = arguments[i];
        if (option == "--insecure") {
            asked.insecure = true;
            continue;
        }
        const char *value = i + 1 < count ? arguments[++i] : nullptr;
        if (!value)
            return false;
        if (option == "--url" && !has_url) {
            if (!read_url(value))
                return false;
            has_url = true;
        } else if (option == "--send") {
            asked.messages.push(value, LWS_WRITE_TEXT);
        } else if (option == "--ca" && !asked.ca) {
            asked.ca = value;
        } else if (option == "--close" && !asked.close) {
            const auto code = conformance::to_number(value);
            if (!code)
                return false;
            asked.close = true;
            asked.code  = *code;
            if (i + 1 < count && std::string_view(arguments[i + 1]).substr(0, 2) != "--")
                asked.text = arguments[++i];
        } else {
            return false;
        }
    }
    return has_url;
}

} // namespace

int main(int count, char **arguments) {
    if (!read_arguments(count, arguments)) {
        std::fprintf(stderr,
                     "usage: %s --url ws[s]://HOST:PORT/PATH [--ca FILE | --insecure] [--send TEXT]... "
                     "[--close CODE TEXT]\n",
                     arguments[0]);
        return 2;
    }
    lws_set_log_level(LLL_ERR, nullptr);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port                   = CONTEXT_PORT_NO_LISTEN;
    info.protocols              = protocols;
    info.options                = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.client_ssl_ca_filepath = asked.ca;
    info.gid                    = static_cast<decltype(info.gid)>(-1);
    info.uid                    = static_cast<decltype(info.uid)>(-1);
    lws_context *context        = lws_create_context(&info);
    if (!context) {
        std::fprintf(stderr, "libwebsockets could not be set up\n");
        return 1;
    }
    lws_client_connect_info connect;
    std::memset(&connect, 0, sizeof connect);
    connect.context                   = context;
    connect.address                   = asked.host.c_str();
    connect.host                      = connect.address;
    connect.origin                    = connect.address;
    connect.port                      = asked.port;
    connect.path                      = asked.path.c_str();
    connect.protocol                  = conformance::subprotocol;
    connect.local_protocol_name       = conformance::subprotocol;
    connect.ietf_version_or_minus_one = -1;
    if (asked.tls)
        connect.ssl_connection = LCCSCF_USE_SSL;
    if (asked.tls && asked.insecure)
        connect.ssl_connection |=
            LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_EXPIRED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    if (!lws_client_connect_via_info(&connect) && !conformance::stop_requested) {
        std::fprintf(stderr, "libwebsockets refused to connect\n");
        lws_context_destroy(context);
        return 1;
    }
    conformance::run(context);
    return 0;
}
