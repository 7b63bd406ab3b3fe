// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_RETRY_TIMER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_RETRY_TIMER_HPP_INCLUDED

// A timer of lws that belongs to no connection, and does not outlive its context.

#include <libwebsockets.h>

#include <wsclose/version.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// Service thread only. lws does not tell its timers that the context ends, and does not take them out of their list,
/// which goes with the context. So the adapter calls `cancel_all` when lws destroys a tracked protocol of a vhost.
class retry_timer : private lws_sorted_usec_list_t {
public:
    using due_function = void(retry_timer &);

    explicit retry_timer(due_function *due) noexcept : lws_sorted_usec_list_t(), due_(due) {}
    retry_timer(const retry_timer &)            = delete;
    retry_timer &operator=(const retry_timer &) = delete;
    ~retry_timer() { cancel(); }

    /// Calls `due` once, after `delay` microseconds.
    void start(lws_context *context, int thread, lws_usec_t delay) noexcept {
        lws_sul_schedule(context, thread, this, on_time, delay);
    }

    bool is_running() const noexcept { return list.owner != nullptr; }
    void cancel() noexcept { lws_dll2_remove(&list); }

    /// The vhost with which it ends, if that is known.
    void set_vhost(lws_vhost *vhost) noexcept { vhost_ = vhost; }

    /// The vhost ends: cancels its timers, and those whose vhost is not known.
    static void cancel_all(lws_context *context, const lws_vhost *vhost) noexcept {
        for (int thread = 0; thread < lws_get_count_threads(context); ++thread) {
            lws_sorted_usec_list_t probe{}; // leads to the list in which lws keeps it
            lws_sul_schedule(
                context, thread, &probe, [](lws_sorted_usec_list_t *) {}, LWS_US_PER_SEC);
            for (lws_dll2 *at = probe.list.owner->head; at;) {
                lws_dll2 *const next = at->next;
                cancel_one(*reinterpret_cast<lws_sorted_usec_list_t *>(at), vhost); // `list` is its first member
                at = next;
            }
            lws_dll2_remove(&probe.list);
        }
    }

private:
    static void cancel_one(lws_sorted_usec_list_t &timer, const lws_vhost *vhost) noexcept {
        if (timer.cb != on_time)
            return;
        auto &own = static_cast<retry_timer &>(timer);
        if (!own.vhost_ || own.vhost_ == vhost)
            own.cancel();
    }

    static void on_time(lws_sorted_usec_list_t *timer) {
        auto &own = *static_cast<retry_timer *>(timer);
        own.due_(own);
    }

    due_function *due_;
    lws_vhost    *vhost_ = nullptr;
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_RETRY_TIMER_HPP_INCLUDED
