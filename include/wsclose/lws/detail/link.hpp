// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_LINK_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_LINK_HPP_INCLUDED

// References, timers and places in lists: each is tied to a connection and is notified when it ends.

#include <functional>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/version.hpp>

WSCLOSE_BEGIN_NAMESPACE

class connection;

namespace detail {
/// Stands in lws for a session of the program's own that was destroyed while it was connected.
inline void *destroyed_session() noexcept {
    static constexpr char mark = 0;
    return const_cast<char *>(&mark);
}

class link;

/// The part of a connection that links use.
struct linked {
    lws  *wsi   = nullptr; ///< null before the connection has begun and after it has ended
    link *first = nullptr;
};

/// An element of the connection's intrusive list. It takes itself out when it is destroyed.
class link {
public:
    using ended_function = void(link &) noexcept;

    explicit constexpr link(ended_function *ended = nullptr) noexcept : ended_(ended) {}
    link(const link &)            = delete;
    link &operator=(const link &) = delete;
    ~link() { detach(); }

    /// Whether it is tied to a connection that has not ended.
    bool is_attached() const noexcept { return target_ != nullptr; }

    /// The connection; null if it is tied to none or the connection has ended.
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

    /// The connection is no more in memory, or has been overwritten, as all of `gone` has: leaves it without touching
    /// that, and ends the links behind this one. Behind one that is in `gone`, it can find none.
    void forget(std::string_view gone) noexcept {
        for (link *each = this; each; each = each->next_)
            each->next_ = each->follower(gone);
        while (next_)
            next_->end();
        target_ = nullptr;
    }

    /// The connection ends: takes this out of its list, then calls `ended`.
    void end() noexcept {
        detach();
        if (ended_)
            ended_(*this);
    }

private:
    /// The next link; null if it was in `gone`, or is in another list since.
    link *follower(std::string_view gone) const noexcept {
        const auto *next = reinterpret_cast<const char *>(next_);
        std::less<> is_before;
        const bool  is_gone = !is_before(next, gone.data()) && is_before(next, gone.data() + gone.size());
        return next && !is_gone && next_->pointer_to_this_ == &next_ ? next_ : nullptr;
    }

    linked         *target_          = nullptr;
    link           *next_            = nullptr;
    link          **pointer_to_this_ = nullptr; // in the connection, or in the link before this one
    ended_function *ended_;
};
} // namespace detail

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_LINK_HPP_INCLUDED
