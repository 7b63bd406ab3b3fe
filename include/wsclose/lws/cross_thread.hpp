// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CROSS_THREAD_HPP_INCLUDED
#define WSCLOSE_LWS_CROSS_THREAD_HPP_INCLUDED

// Connections from other threads than that which serves lws. The one header of wsclose that
// allocates and locks; `wsclose/lws.hpp` leaves it out.

#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/lws/connection.hpp>

namespace wsclose {

namespace detail {
    class cross_thread_target;

    inline constexpr const char *cross_thread_protocol_name = "wsclose-cross-thread";

    /// What the threads share of a queue.
    struct cross_thread_state {
        std::mutex                                        mutex;
        std::vector<std::shared_ptr<cross_thread_target>> waiting;
        lws_context                                      *context = nullptr; ///< null: nothing is taken
        bool                                              stopped = false;   ///< and nothing will be
        int                                               vhosts  = 0;       ///< that have set up the protocol
    };

    /// One connection as other threads see it. Kept by the handles, and by itself until the
    /// connection ends, so that it never leaves the connection's list on a wrong thread.
    class cross_thread_target : private link {
    public:
        cross_thread_target(std::shared_ptr<cross_thread_state> state, connection &owner) noexcept
            : link(on_connection_ended), state_(std::move(state)) {
            attach(&owner);
        }

        /// Null where there is no connection, or the queue is not in the table of its protocols.
        static std::shared_ptr<cross_thread_target> make(const std::shared_ptr<cross_thread_state> &state,
                                                         connection                                &owner) {
            lws *const wsi = owner.wsi();
            if (!wsi)
                return nullptr;
            const lws_protocols *line = lws_vhost_name_to_protocol(lws_get_vhost(wsi), cross_thread_protocol_name);
            if (!line || line->user != state.get()) {
                lwsl_err("wsclose: protocol \"%s\": a cross_thread_ref needs the line cross_thread_queue::protocol() "
                         "in the same "
                         "table of protocols\n",
                         lws_get_protocol(wsi)->name);
                return nullptr;
            }
            {
                const std::lock_guard<std::mutex> lock(state->mutex);
                if (!state->stopped) // in other loops than poll, lws 5 may not have set up the protocol yet
                    state->context = lws_get_context(wsi);
            }
            auto made   = std::make_shared<cross_thread_target>(state, owner);
            made->self_ = made;
            return made;
        }

        bool is_alive() const {
            const std::lock_guard<std::mutex> lock(state_->mutex);
            return alive_ && state_->context;
        }

        static bool ask_to_close(const std::shared_ptr<cross_thread_target> &self, const close_frame &frame) {
            const std::lock_guard<std::mutex> lock(self->state_->mutex);
            if (self->asked_to_close_ || !wake(self))
                return false;
            self->asked_to_close_ = self->must_close_ = true;
            self->frame_                              = frame;
            return true;
        }

        static bool ask_to_write(const std::shared_ptr<cross_thread_target> &self) {
            const std::lock_guard<std::mutex> lock(self->state_->mutex);
            if (!wake(self))
                return false;
            self->wants_to_write_ = true;
            return true;
        }

        /// On the service thread: does what was asked for.
        void obey() {
            std::unique_lock<std::mutex> lock(state_->mutex);
            const bool                   close = std::exchange(must_close_, false);
            const bool                   write = std::exchange(wants_to_write_, false);
            is_waiting_                        = false;
            lock.unlock(); // frame_ is written once, before
            if (auto *owner = target()) {
                if (write)
                    owner->request_writable();
                if (close)
                    owner->close(frame_);
            }
        }

    private:
        static bool wake(const std::shared_ptr<cross_thread_target> &self) {
            cross_thread_state &state = *self->state_;
            if (!self->alive_ || !state.context)
                return false;
            if (!std::exchange(self->is_waiting_, true)) {
                state.waiting.push_back(self);
                if (state.waiting.size() == 1)
                    lws_cancel_service(state.context);
            }
            return true;
        }

        static void on_connection_ended(link &ended) noexcept {
            const std::shared_ptr<cross_thread_target> self =
                std::move(static_cast<cross_thread_target &>(ended).self_);
            const std::lock_guard<std::mutex> lock(self->state_->mutex);
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

/// What other threads have asked for and the service thread of one lws context is to do. It gets into
/// the context by a line in the table of protocols, of each vhost that has several, and not the first:
///
///     {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), 0, 0, nullptr, 0},
///     queue.protocol(),
///
/// It has to live until after lws_context_destroy(). For contexts with one service thread.
class cross_thread_queue {
public:
    cross_thread_queue() : state_(std::make_shared<detail::cross_thread_state>()) {}
    cross_thread_queue(const cross_thread_queue &)            = delete;
    cross_thread_queue &operator=(const cross_thread_queue &) = delete;
    ~cross_thread_queue() { stop(); }

    /// The line for the table of protocols. No peer can connect to it.
    lws_protocols protocol() const noexcept {
        return {detail::cross_thread_protocol_name, callback, 0, 0, 0, state_.get(), 0};
    }

    /// From now on every handle answers false. Call it before lws_context_destroy() where other
    /// threads may still ask: lws does not bear being woken while it is destroyed.
    void stop() {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        state_->context = nullptr;
        state_->stopped = true;
        state_->waiting.clear();
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
        auto &state = *static_cast<detail::cross_thread_state *>(lws_get_protocol(wsi)->user);
        std::vector<std::shared_ptr<detail::cross_thread_target>> waiting;
        {
            const std::lock_guard<std::mutex> lock(state.mutex);
            waiting.swap(state.waiting);
            if (reason == LWS_CALLBACK_PROTOCOL_INIT && state.vhosts++ == 0)
                state.stopped = false;
            if (reason == LWS_CALLBACK_PROTOCOL_DESTROY && --state.vhosts == 0) {
                state.context = nullptr;
                state.stopped = true;
            }
        }
        for (const auto &target : waiting)
            target->obey();
        return 0;
    }

    std::shared_ptr<detail::cross_thread_state> state_;
};

/// A connection for any thread, for as long as anybody keeps it, be the connection, the context and the
/// queue there or not. Copyable; copies can be used by different threads at once. Made on the service
/// thread, while the connection is there; takes one allocation.
class cross_thread_ref {
public:
    cross_thread_ref() noexcept = default;
    cross_thread_ref(const cross_thread_queue &queue, connection &target)
        : target_(detail::cross_thread_target::make(queue.state_, target)) {}

    /// Whether the connection still is; it may be over the next moment.
    explicit operator bool() const { return target_ && target_->is_alive(); }

    /// As `connection::close()`, on the service thread, soon. False where the connection is over, or
    /// where it was asked for before through this handle or a copy.
    bool close(const close_frame &frame) const {
        return target_ && detail::cross_thread_target::ask_to_close(target_, frame);
    }
    bool close(any_close_code code, std::string_view text = {}) const { return close(close_frame::fit(code, text)); }

    /// As `connection::request_writable()`, on the service thread, soon. False where the connection is over.
    bool request_writable() const { return target_ && detail::cross_thread_target::ask_to_write(target_); }

private:
    std::shared_ptr<detail::cross_thread_target> target_;
};

} // namespace wsclose

#endif // WSCLOSE_LWS_CROSS_THREAD_HPP_INCLUDED
