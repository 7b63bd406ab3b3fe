// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_TIMER_HPP_INCLUDED
#define WSCLOSE_LWS_TIMER_HPP_INCLUDED

// A timer that cannot outlive its connection.

#include <type_traits>

#include <libwebsockets.h>

#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/link.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// A timer of lws (lws_sorted_usec_list_t) that belongs to a connection. It does not fire once the connection
/// has ended or the timer is destroyed. May be a member of anything. Service thread only; allocates nothing.
class timer : private detail::link, private lws_sorted_usec_list_t {
public:
    timer() noexcept : link(on_connection_ended), lws_sorted_usec_list_t() {}
    ~timer() { cancel(); }

    /// Fires once, `delay` microseconds from now (LWS_US_PER_MS, LWS_US_PER_SEC), and calls
    /// `(object.*Function)()`, or `Function(object)` if it is a free function. Restarts a
    /// running timer. If the connection has ended or, with a line in lws' log, has not begun, does not start and
    /// returns false.
    template <auto Function, class T>
    bool start(connection &owner, lws_usec_t delay, T &object) noexcept {
        cancel();
        lws *const wsi = detail::begun(owner, "timer");
        if (!wsi)
            return false;
        object_   = &object;
        function_ = [](void *with) {
            if constexpr (std::is_member_function_pointer_v<decltype(Function)>)
                (static_cast<T *>(with)->*Function)();
            else
                Function(*static_cast<T *>(with));
        };
        attach(&owner);
        lws_sul_schedule(lws_get_context(wsi), lws_get_tsi(wsi), this, on_time,
                         delay < 0 ? 0 : delay); // negative values have special meanings
        return true;
    }

    /// Whether it will fire.
    bool is_running() const noexcept { return is_attached(); }

    /// Stops it, if it is running.
    void cancel() noexcept {
        detach();
        lws_dll2_remove(&this->list);
    }

private:
    static void on_connection_ended(link &self) noexcept { static_cast<timer &>(self).cancel(); }

    static void on_time(lws_sorted_usec_list_t *due) {
        timer &self = *static_cast<timer *>(due);
        self.detach();
        self.function_(self.object_); // which may restart or destroy it
    }

    void (*function_)(void *) = nullptr;
    void *object_             = nullptr;
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_TIMER_HPP_INCLUDED
