// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CROSS_THREAD_HPP_INCLUDED
#define WSCLOSE_LWS_CROSS_THREAD_HPP_INCLUDED

// Connections for threads other than the service thread of lws. This header locks and allocates, so
// `wsclose/lws.hpp` does not include it.

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/link.hpp>

WSCLOSE_BEGIN_NAMESPACE

namespace detail {
class cross_thread_target;

inline constexpr const char *cross_thread_protocol_name = "wsclose-cross-thread";

/// The part of a queue that threads share.
struct cross_thread_state {
    std::mutex                                        mutex;
    std::vector<std::shared_ptr<cross_thread_target>> waiting;
    lws_context                                      *context = nullptr; ///< null: the queue accepts nothing
    bool                                              stopped = false;   ///< until another context starts
};

/// One connection as other threads see it. The references share it, and it holds itself until the
/// connection ends, so that it leaves the connection's list on the service thread.
class cross_thread_target : private link {
public:
    cross_thread_target(std::shared_ptr<cross_thread_state> state, connection &owner) noexcept
        : link(on_connection_ended), state_(std::move(state)) {
        attach(&owner);
    }

    /// Null if the connection has not begun or has ended, or if the queue cannot serve it.
    static std::shared_ptr<cross_thread_target> make(const std::shared_ptr<cross_thread_state> &state,
                                                     connection                                &owner) {
        lws *const wsi = begun(owner, "cross_thread_ref");
        if (!wsi)
            return nullptr;
        const lws_protocols *line = lws_vhost_name_to_protocol(lws_get_vhost(wsi), cross_thread_protocol_name);
        if (!line || line->user != state.get()) {
            lwsl_err("wsclose: protocol \"%s\": a cross_thread_ref needs the line cross_thread_queue::protocol() "
                     "in the same table of protocols\n",
                     lws_get_protocol(wsi)->name);
            return nullptr;
        }
        if (lws_get_count_threads(lws_get_context(wsi)) > 1) {
            lwsl_err("wsclose: protocol \"%s\": a cross_thread_ref needs a context with one service thread; leave out "
                     "lws_context_creation_info.count_threads\n",
                     lws_get_protocol(wsi)->name);
            return nullptr;
        }
        {
            const std::lock_guard<std::mutex> lock(state->mutex);
            if (!state->stopped) // in event loops other than poll, lws 5 may not have initialised the protocol yet
                state->context = lws_get_context(wsi);
        }
        auto made   = std::make_shared<cross_thread_target>(state, owner);
        made->self_ = made;
        return made;
    }

    bool is_alive() const {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        return can_be_reached();
    }

    static close_error ask_to_close(const std::shared_ptr<cross_thread_target> &self, const close_frame &frame) {
        const std::lock_guard<std::mutex> lock(self->state_->mutex);
        if (!self->can_be_reached())
            return close_error::already_closed;
        if (self->asked_to_close_)
            return close_error::already_closing;
        wake(self);
        self->asked_to_close_ = self->must_close_ = true;
        self->frame_                              = frame;
        return close_error::none;
    }

    static bool ask_to_write(const std::shared_ptr<cross_thread_target> &self) {
        const std::lock_guard<std::mutex> lock(self->state_->mutex);
        if (!wake(self))
            return false;
        self->wants_to_write_ = true;
        return true;
    }

    /// On the service thread: does what other threads have requested.
    void obey() {
        std::unique_lock<std::mutex> lock(state_->mutex);
        const bool                   close = std::exchange(must_close_, false);
        const bool                   write = std::exchange(wants_to_write_, false);
        is_waiting_                        = false;
        lock.unlock(); // frame_ is written once, before must_close_ is set
        if (auto *owner = target()) {
            if (write)
                owner->request_writable();
            if (close)
                owner->close(frame_);
        }
    }

private:
    /// While the mutex is held.
    bool can_be_reached() const noexcept { return alive_ && state_->context; }

    static bool wake(const std::shared_ptr<cross_thread_target> &self) {
        if (!self->can_be_reached())
            return false;
        if (!self->is_waiting_) {
            cross_thread_state &state = *self->state_;
            state.waiting.push_back(self); // may throw, and then nothing has changed
            self->is_waiting_ = true;
            if (state.waiting.size() == 1)
                lws_cancel_service(state.context);
        }
        return true;
    }

    static void on_connection_ended(link &ended) noexcept {
        const std::shared_ptr<cross_thread_target> self = std::move(static_cast<cross_thread_target &>(ended).self_);
        const std::lock_guard<std::mutex>          lock(self->state_->mutex);
        self->alive_ = false;
    }

    const std::shared_ptr<cross_thread_state> state_;
    std::shared_ptr<cross_thread_target>      self_;
    close_frame                               frame_;
    bool                                      alive_          = true;
    bool                                      asked_to_close_ = false;
    bool                                      must_close_     = false;
    bool                                      wants_to_write_ = false;
    bool                                      is_waiting_     = false;
};
} // namespace detail

/// Requests from other threads to the service thread of one lws context. Add its line to each vhost's table of
/// protocols, but not as the first:
///
///     {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
///     queue.protocol(),
///
/// It must outlive the context. For contexts with one service thread.
class cross_thread_queue {
public:
    cross_thread_queue() : state_(std::make_shared<detail::cross_thread_state>()) {}
    cross_thread_queue(const cross_thread_queue &)            = delete;
    cross_thread_queue &operator=(const cross_thread_queue &) = delete;

    /// The line for the table of protocols. No peer can use it.
    lws_protocols protocol() const noexcept {
        return {detail::cross_thread_protocol_name, callback, 0, 0, 0, state_.get(), 0};
    }

    /// From now on every reference is empty. What they have asked for before is done if lws is served once more. Call
    /// it before lws_context_destroy() if other threads may still use references: lws must not be woken while it is
    /// being destroyed.
    void stop() {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        state_->context = nullptr;
        state_->stopped = true;
    }

private:
    friend class cross_thread_ref;

    static int callback(lws *wsi, lws_callback_reasons reason, void *, void *, std::size_t) {
        switch (reason) {
        case LWS_CALLBACK_PROTOCOL_INIT:
        case LWS_CALLBACK_PROTOCOL_DESTROY:
        case LWS_CALLBACK_EVENT_WAIT_CANCELLED: break;
        case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return -1;
        default: return 0;
        }
        std::vector<std::shared_ptr<detail::cross_thread_target>> waiting;
        {
            auto &state = *static_cast<detail::cross_thread_state *>(lws_get_protocol(wsi)->user);
            const std::lock_guard<std::mutex> lock(state.mutex);
            waiting.swap(state.waiting);
            if (reason == LWS_CALLBACK_PROTOCOL_INIT)
                state.stopped = false;
        }
        for (const auto &target : waiting)
            target->obey();
        return 0;
    }

    std::shared_ptr<detail::cross_thread_state> state_;
};

/// A reference to a connection, for any thread. It may outlive the connection, the context and the queue.
/// Copyable; different threads may use copies at the same time. Make it on the service thread, while the
/// connection lives; that takes one allocation.
class cross_thread_ref {
public:
    cross_thread_ref() noexcept = default;
    /// Refers to `target`. Empty if that has ended or, with a line in lws' log, if it has not begun, the queue's line
    /// is not in the connection's table of protocols or the context has several service threads.
    cross_thread_ref(const cross_thread_queue &queue, connection &target)
        : target_(detail::cross_thread_target::make(queue.state_, target)) {}

    /// Whether the connection has not ended. It may end at any moment.
    explicit operator bool() const { return target_ && target_->is_alive(); }

    /// Same as `connection::close()`, on the service thread, soon. Returns `already_closed` if the connection has
    /// ended, and `already_closing` if this reference or a copy has asked before.
    close_result close(const close_frame &frame) const {
        return {target_ ? detail::cross_thread_target::ask_to_close(target_, frame) : close_error::already_closed};
    }
    /// As `close(close_frame::fit(code, text))`. The result tells what was adjusted.
    close_result close(any_close_code code, std::string_view text = {}) const {
        make_error         adjusted{};
        const close_result result = close(close_frame::fit(code, text, role::client, adjusted));
        return {result.error, result ? adjusted : make_error::none};
    }

    /// Same as `connection::request_writable()`, on the service thread, soon. Returns false if the connection has
    /// ended.
    bool request_writable() const { return target_ && detail::cross_thread_target::ask_to_write(target_); }

private:
    std::shared_ptr<detail::cross_thread_target> target_;
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_CROSS_THREAD_HPP_INCLUDED
