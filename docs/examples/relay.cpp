// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A proxy between browsers and a backend on 127.0.0.1: relay PORT BACKEND_PORT. It passes messages both ways, and the
// ending of each connection to the other.

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <vector>

#include <wsclose/lws.hpp>

struct piece {                        // of a message
    std::vector<unsigned char> bytes; // behind LWS_PRE bytes of room
    lws_write_protocol         flags;
};

static constexpr std::size_t many = 16, few = 4; // pieces that wait

static wsclose::connection_list legs;

// Each browser has a pair of these: one towards it, one towards the backend.
struct leg {
    wsclose::connection             ws;
    wsclose::connection_list::entry listed;
    wsclose::role                   here  = wsclose::role::server; // what we are on this leg
    leg                            *other = nullptr;               // null once that one has ended
    std::deque<piece>               queue;                         // for this one's peer

    void on_close(const wsclose::close_report &report) {
        wsclose::log_report(report, here == wsclose::role::server ? "browser" : "backend");
        if (!other)
            return;
        other->ws.close(wsclose::relayed(report, other->here)); // behind what is in its queue
        other->other = nullptr;
    }

    void receive(lws *wsi, const void *in, std::size_t len) {
        if (!other)
            return;
        const int first = lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
        const int flags = lws_write_ws_flags(first, lws_is_first_fragment(wsi), lws_is_final_fragment(wsi));
        piece     next{std::vector<unsigned char>(LWS_PRE + len), static_cast<lws_write_protocol>(flags)};
        if (len != 0)
            std::memcpy(&next.bytes[LWS_PRE], in, len);
        other->queue.push_back(std::move(next));
        other->ws.request_writable();
        if (other->queue.size() >= many) // its peer reads more slowly than ours writes
            lws_rx_flow_control(wsi, 0);
    }

    int write(lws *wsi) {
        if (queue.empty())
            return 0;
        piece &next = queue.front();
        if (lws_write(wsi, next.bytes.data() + LWS_PRE, next.bytes.size() - LWS_PRE, next.flags) < 0)
            return -1;
        queue.pop_front();
        if (!queue.empty())
            ws.request_writable();
        if (queue.size() == few && other && other->ws.wsi())
            lws_rx_flow_control(other->ws.wsi(), 1);
        return 0;
    }
};

static int backend_port = 0;

static void connect_backend(leg &browser, lws_context *context) {
    leg *const backend = new leg; // until its last callback
    backend->here      = wsclose::role::client;
    backend->other     = &browser;
    browser.other      = backend;
    lws_client_connect_info connect;
    std::memset(&connect, 0, sizeof connect);
    connect.context                   = context;
    connect.address                   = "127.0.0.1";
    connect.host                      = connect.address;
    connect.origin                    = connect.address;
    connect.port                      = backend_port;
    connect.path                      = "/";
    connect.protocol                  = "chat";
    connect.local_protocol_name       = "backend";
    connect.userdata                  = backend;
    connect.ietf_version_or_minus_one = -1;
    lws_client_connect_via_info(&connect); // if it fails, on_close says so
}

static volatile std::sig_atomic_t stopping = 0;

static int callback_relay(lws *wsi, lws_callback_reasons reason, void *user, void *in, size_t len) {
    leg *const s = static_cast<leg *>(user);
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return stopping;
    case LWS_CALLBACK_ESTABLISHED:
        legs.add(s->ws, s->listed);
        connect_backend(*s, lws_get_context(wsi));
        break;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        legs.add(s->ws, s->listed);
        return s->other ? 0 : -1; // the browser has left already
    case LWS_CALLBACK_CLIENT_ESTABLISHED: s->ws.request_writable(); break;
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE: s->receive(wsi, in, len); break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE: return s->write(wsi);
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: delete s; break; // the last callback of a leg to the backend
    default: break;
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"chat", wsclose::tracked<callback_relay, &leg::ws>, sizeof(leg), 0, 0, nullptr, 0},
    {"backend", wsclose::tracked<callback_relay, &leg::ws>, 0, 0, 0, nullptr, 0}, // 0: sessions are our own
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = count > 1 ? std::atoi(arguments[1]) : 7681;
    backend_port         = count > 2 ? std::atoi(arguments[2]) : 7682;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    std::signal(SIGTERM, [](int) { stopping = 1; });
    std::cout << "port " << lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")) << std::endl;
    while (!stopping && lws_service(context, 0) >= 0) {
    }
    legs.close_all(wsclose::close_code::going_away, "the proxy stops");
    while (!legs.empty() && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
