// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A client whose session is the program's own, a C++ object with a constructor and a destructor, and
// somebody else who keeps a reference to its connection: client PORT

#include <cstdlib>
#include <cstring>
#include <iostream>

#include <wsclose/lws.hpp>

struct application {
    bool over = false;

    void lost(const wsclose::close_report &report) {
        std::cout << report << std::endl;
        over = true;
    }
};

struct session {
    wsclose::connection ws;

    void on_close(const wsclose::close_report &report, const wsclose::environment &where) {
        static_cast<application *>(lws_context_user(where.context))->lost(report);
    }
};

struct watchdog { // keeps no lws *, which could be dead
    wsclose::connection_ref connection;

    void bark() { connection.close(wsclose::close_code::policy_violation, "woof"); } // harmless when it is over
};

static watchdog dog;

static int callback_chat(lws *, lws_callback_reasons reason, void *user, void *, size_t) {
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) {
        dog.connection = wsclose::connection_ref(static_cast<session *>(user)->ws);
        dog.bark();
    }
    return 0;
}

static const lws_protocols protocols[] = {
    {"chat", wsclose::tracked<callback_chat, &session::ws>, 0, 0, 0, nullptr, 0}, // 0: sessions are our own
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int main(int count, char **arguments) {
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    application the_application;
    info.user            = &the_application;
    info.port            = CONTEXT_PORT_NO_LISTEN;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    lws_context *context = lws_create_context(&info);
    if (!context)
        return 1;
    session                 own;
    lws_client_connect_info connect;
    std::memset(&connect, 0, sizeof connect);
    connect.context                   = context;
    connect.address                   = "127.0.0.1";
    connect.host                      = connect.address;
    connect.origin                    = connect.address;
    connect.port                      = count > 1 ? std::atoi(arguments[1]) : 7681;
    connect.path                      = "/";
    connect.protocol                  = "chat";
    connect.userdata                  = &own;
    connect.ietf_version_or_minus_one = -1;
    lws_client_connect_via_info(&connect);
    while (!the_application.over && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
