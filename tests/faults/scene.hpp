// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_FAULTS_SCENE_HPP_INCLUDED
#define WSCLOSE_TESTS_FAULTS_SCENE_HPP_INCLUDED

// A program on lws and a raw peer, between which one fault is played.

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <wsclose/format.hpp>
#include <wsclose/lws.hpp>

#include "support/lws_host.hpp"
#include "support/raw_peer.hpp"

namespace faults {

using test::listener;
using test::raw_peer;
using test::transport;
using wsclose::cause;
using wsclose::role;

class scene;

struct session {
    wsclose::connection    ws;
    lws_sorted_usec_list_t timer;

    void       on_close(const wsclose::close_report &report, const wsclose::environment &where);
    static int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len);
};

inline constexpr lws_protocols protocols[] = {
    {"server", wsclose::tracked<session::callback, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
    {"client", wsclose::tracked<session::callback, &session::ws>, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// What was reported of the connection.
struct outcome {
    cause       why;
    std::string line;
};

/// What the program does in a callback.
using program = std::function<int(session &, lws *, lws_callback_reasons)>;

class scene {
public:
    scene(role lws_is, transport how) : here(lws_is) { options.how = how; }

    /// To set before the host starts.
    test::host_options options;
    program            acts;
    role               here;

    test::lws_host &host() {
        if (!host_) {
            options.user = this;
            host_        = std::make_unique<test::lws_host>(protocols, options);
        }
        return *host_;
    }

    /// A raw peer with which lws has an open WebSocket.
    raw_peer established() {
        if (here == role::server)
            return raw_peer::connect(host().port(), "server", options.how);
        listener from;
        connect(from.port());
        return raw_peer::accept(from, "client", options.how);
    }

    /// Makes lws connect.
    void connect(std::uint16_t port) {
        if (!host().connect(port, "client", &client_) && !is_over_ && done_.empty())
            report({cause::unknown, "lws_client_connect_via_info() returned null"});
    }

    void report(outcome what) {
        outcome_ = std::move(what);
        done_.add("reported");
    }

    /// Waits for the report.
    void wait() {
        if (!is_over_ && done_.next() != "reported")
            outcome_ = {cause::unknown, "no report"};
        is_over_ = true;
    }

    const outcome &result() {
        wait();
        return outcome_;
    }

    void stop() {
        if (host_)
            host_->stop();
    }

private:
    outcome                         outcome_{};
    session                         client_{};
    bool                            is_over_ = false;
    test::event_log                 done_;
    std::unique_ptr<test::lws_host> host_;
};

inline void session::on_close(const wsclose::close_report &report, const wsclose::environment &where) {
    lws_dll2_remove(&timer.list);
    static_cast<scene *>(lws_context_user(where.context))->report({report.cause(), wsclose::text_line(report).c_str()});
}

inline int session::callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
    const auto *now = static_cast<scene *>(lws_context_user(lws_get_context(wsi)));
    return user && now && now->acts ? now->acts(*static_cast<session *>(user), wsi, reason) : 0;
}

inline bool is_established(lws_callback_reasons reason) {
    return reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_CLIENT_ESTABLISHED;
}
inline bool is_received(lws_callback_reasons reason) {
    return reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_CLIENT_RECEIVE;
}
inline bool is_writeable(lws_callback_reasons reason) {
    return reason == LWS_CALLBACK_SERVER_WRITEABLE || reason == LWS_CALLBACK_CLIENT_WRITEABLE;
}

} // namespace faults

#endif // WSCLOSE_TESTS_FAULTS_SCENE_HPP_INCLUDED
