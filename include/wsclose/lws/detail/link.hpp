// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_LINK_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_LINK_HPP_INCLUDED

// What hangs on a connection and is told of its end.

#include <libwebsockets.h>

namespace wsclose {

class connection;

namespace detail {
    class link;

    /// What those who hang on a connection know of it.
    struct linked {
        lws  *wsi   = nullptr; ///< null before the connection began and from its end on
        link *first = nullptr;
    };

    /// A reference, a timer, a place in a list. An intrusive list; an element of it takes itself out as
    /// it goes.
    class link {
    public:
        using ended_function = void(link &) noexcept;

        explicit constexpr link(ended_function *ended = nullptr) noexcept : ended_(ended) {}
        link(const link &)            = delete;
        link &operator=(const link &) = delete;
        ~link() { detach(); }

        /// Whether there is a connection that has not ended.
        bool is_attached() const noexcept { return target_ != nullptr; }

        /// The connection; null if there is none, or none any more.
        connection *target() const noexcept;

        void attach(connection *target) noexcept;

        void detach() noexcept {
            if (!target_)
                return;
            *pointer_to_this_ = next_;
            if (next_)
                next_->pointer_to_this_ = pointer_to_this_;
            target_ = nullptr;
            next_   = nullptr;
        }

        /// The connection is over: takes this out of its list and tells it so.
        void end() noexcept {
            detach();
            if (ended_)
                ended_(*this);
        }

    private:
        linked         *target_          = nullptr;
        link           *next_            = nullptr;
        link          **pointer_to_this_ = nullptr; // the connection's, or that of the one before it
        ended_function *ended_;
    };
} // namespace detail

} // namespace wsclose

#endif // WSCLOSE_LWS_DETAIL_LINK_HPP_INCLUDED
