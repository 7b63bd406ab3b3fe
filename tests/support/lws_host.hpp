// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_LWS_HOST_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_LWS_HOST_HPP_INCLUDED

// A real lws context with a server on 127.0.0.1, served by a thread of its own, and a place where its
// callbacks leave what happened for the test to wait for.

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <libwebsockets.h>

#include "support/event_loop.hpp"
#include "support/raw_peer.hpp"

namespace test {

/// What happened, in order, from any thread.
class event_log {
public:
    void add(std::string event) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            events_.push_back(std::move(event));
        }
        arrived_.notify_all();
    }

    /// Waits for the next event; "nothing happened" if none comes.
    std::string next(int timeout_ms = patience_ms) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (!arrived_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return !events_.empty(); }))
            return "nothing happened";
        std::string event = std::move(events_.front());
        events_.pop_front();
        return event;
    }

    void clear() {
        const std::lock_guard<std::mutex> lock(mutex_);
        events_.clear();
    }

    bool empty() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return events_.empty();
    }

private:
    std::mutex              mutex_;
    std::condition_variable arrived_;
    std::deque<std::string> events_;
};

/// Whether the line of a report says that the connection was not closed cleanly.
inline bool is_unclean(const std::string &line) {
    return line.find("closed by ") == 0 && line.find(", not cleanly: ") != std::string::npos;
}

/// With the last context that uses it, lws 4.5 cleans OpenSSL up for good: one stays.
inline void keep_openssl() {
    static lws_context *const kept = [] {
        lws_context_creation_info info;
        std::memset(&info, 0, sizeof info);
        info.gid     = static_cast<decltype(info.gid)>(-1);
        info.uid     = static_cast<decltype(info.uid)>(-1);
        info.port    = CONTEXT_PORT_NO_LISTEN;
        info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        return lws_create_context(&info);
    }();
    (void)kept;
}

/// For host_options::extensions.
inline const lws_extension deflate[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate; client_no_context_takeover"},
    {nullptr, nullptr, nullptr},
};

/// How a host differs from the plainest.
struct host_options {
    transport             how        = default_transport();
    const lws_retry_bo_t *retry      = nullptr; ///< when lws pings and hangs up
    const lws_extension  *extensions = nullptr;
    unsigned              timeout_s  = 0;           ///< of lws' own waits for the network; 0: as lws has it
    std::uint64_t         flags      = 0;           ///< more LWS_SERVER_OPTION_...
    void                 *user       = nullptr;     ///< of the context
    const char           *address    = "127.0.0.1"; ///< to which clients connect
    const certificate    *trusted    = &certificate::self_signed(); ///< by clients; null: nobody
};

class lws_host {
public:
    explicit lws_host(const lws_protocols *protocols, const host_options &options = {})
        : how_(options.how), address_(options.address) {
        lws_context_creation_info info;
        std::memset(&info, 0, sizeof info);
        info.protocols = protocols;
        info.gid       = static_cast<decltype(info.gid)>(-1);
        info.uid       = static_cast<decltype(info.uid)>(-1);
        info.options   = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | options.flags;
        info.port      = CONTEXT_PORT_NO_LISTEN_SERVER;
        info.retry_and_idle_policy = options.retry;
        info.extensions            = options.extensions;
        info.timeout_secs          = options.timeout_s;
#if LWS_LIBRARY_VERSION_NUMBER >= 4001000
        info.connect_timeout_secs = options.timeout_s;
#endif
        info.user = options.user;
        loop_->prepare(info);
        lws_set_log_level(LLL_ERR, nullptr);
        keep_openssl();
        context_   = lws_create_context(&info);
        info.port  = 0;
        info.iface = "127.0.0.1";
#ifdef LWS_WITH_TLS
        const certificate &own  = certificate::self_signed();
        const std::string  cert = own.cert_file(), key = own.key_file(),
                          trusted = options.trusted ? options.trusted->cert_file() : "";
        if (how_ == transport::tls) {
            info.ssl_cert_filepath        = cert.c_str();
            info.ssl_private_key_filepath = key.c_str();
            info.client_ssl_ca_filepath   = options.trusted ? trusted.c_str() : nullptr;
        }
#endif
        vhost_ = context_ ? lws_create_vhost(context_, &info) : nullptr;
        if (!vhost_)
            throw std::runtime_error("lws cannot listen on 127.0.0.1");
        port_   = static_cast<std::uint16_t>(lws_get_vhost_listen_port(vhost_));
        thread_ = std::thread([this] { serve(); });
        for (int i = 0; i < 3; ++i) // lws 5 may lose a connection that comes before it has set itself up
            on_service_thread([](lws_context *) {});
    }
    lws_host(const lws_host &)            = delete;
    lws_host &operator=(const lws_host &) = delete;
    ~lws_host() { stop(); }

    std::uint16_t port() const noexcept { return port_; }
    lws_vhost    *vhost() const noexcept { return vhost_; }

    /// Does something on the service thread, which may call all of lws, and waits until it is done.
    void on_service_thread(const std::function<void(lws_context *)> &task) {
        std::unique_lock<std::mutex> lock(mutex_);
        task_ = &task;
        lws_cancel_service(context_);
        done_.wait(lock, [this] { return task_ == nullptr; });
    }

    /// Waits until a timer of lws has fired, and all that were due before it.
    void pass(lws_usec_t time) {
        struct alarm : lws_sorted_usec_list_t {
            event_log rings;
        } one{};
        on_service_thread([&](lws_context *context) {
            lws_sul_schedule(
                context, 0, &one, [](lws_sorted_usec_list_t *due) { static_cast<alarm *>(due)->rings.add("now"); },
                time);
        });
        one.rings.next();
        on_service_thread([&](lws_context *) { lws_dll2_remove(&one.list); });
    }

    /// Serves once more, from such a task.
    void serve_once() { loop_->run_once(context_); }

    /// Makes lws connect a client to `port`; the session is `userdata`, or lws' own if that is null. Returns false if
    /// lws fails at once.
    bool connect(std::uint16_t port, const char *protocol, void *userdata = nullptr, void *opaque = nullptr) {
        bool begun = false;
        on_service_thread([&](lws_context *) { begun = connect_here(port, protocol, userdata, opaque); });
        return begun;
    }

    /// The same from the service thread, so from a callback.
    bool connect_here(std::uint16_t port, const char *protocol, void *userdata = nullptr, void *opaque = nullptr) {
        lws_client_connect_info info;
        std::memset(&info, 0, sizeof info);
        info.context                   = context_;
        info.vhost                     = vhost_;
        info.address                   = address_;
        info.host                      = info.address;
        info.origin                    = info.address;
        info.path                      = "/";
        info.port                      = port;
        info.protocol                  = protocol;
        info.local_protocol_name       = protocol;
        info.userdata                  = userdata;
        info.opaque_user_data          = opaque;
        info.ssl_connection            = how_ == transport::tls ? LCCSCF_USE_SSL : 0;
        info.ietf_version_or_minus_one = -1;
        return lws_client_connect_via_info(&info) != nullptr;
    }

    /// Destroys the context, with whatever connections it still has.
    void stop() {
        destroy_after([](lws_context *) {});
    }

    /// Does something on the service thread and destroys the context at once, without serving it any more.
    void destroy_after(const std::function<void(lws_context *)> &task) {
        if (!thread_.joinable())
            return;
        {
            const std::lock_guard<std::mutex> lock(mutex_); // the context lives until the thread sees this
            task_     = &task;
            stopping_ = true;
            lws_cancel_service(context_);
        }
        thread_.join();
    }

private:
    void serve() {
        for (;;) {
            loop_->run_once(context_);
            const std::lock_guard<std::mutex> lock(mutex_);
            if (task_) {
                (*task_)(context_);
                task_ = nullptr;
                done_.notify_all();
            }
            if (stopping_)
                break;
        }
        lws_context_destroy(context_);
        loop_->finish();
    }

    transport                                 how_;
    const char                               *address_;
    std::unique_ptr<event_loop>               loop_    = event_loop::from_environment();
    lws_context                              *context_ = nullptr;
    lws_vhost                                *vhost_   = nullptr;
    std::uint16_t                             port_    = 0;
    std::mutex                                mutex_;
    std::condition_variable                   done_;
    const std::function<void(lws_context *)> *task_     = nullptr;
    bool                                      stopping_ = false;
    std::thread                               thread_;
};

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_LWS_HOST_HPP_INCLUDED
