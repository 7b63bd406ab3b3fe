// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CONNECTION_LIST_HPP_INCLUDED
#define WSCLOSE_LWS_CONNECTION_LIST_HPP_INCLUDED

// Connections that are closed, or told something, together: all of a server's, or those of a room.

#include <cstddef>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/lws/connection.hpp>

namespace wsclose {

/// A list of connections, each of which leaves it when it ends. For the service thread; does not
/// allocate, since each session brings its `entry`. A session in several lists has several.
class connection_list {
    struct node {
        node *before = this;
        node *behind = this;

        void leave() noexcept {
            before->behind = behind;
            behind->before = before;
            before = behind = this;
        }
        void join_behind(node &place) noexcept {
            before         = &place;
            behind         = place.behind;
            before->behind = behind->before = this;
        }
    };

public:
    /// A session's place in a list; a member of the session.
    class entry : private detail::link, private node {
    public:
        entry() noexcept : link(on_connection_ended) {}
        ~entry() { leave(); }

        /// Leaves the list; harmless where it is in none.
        void leave() noexcept {
            detach();
            node::leave();
        }

    private:
        friend class connection_list;
        static void on_connection_ended(link &self) noexcept { static_cast<entry &>(self).leave(); }
    };

    connection_list() noexcept                          = default;
    connection_list(const connection_list &)            = delete;
    connection_list &operator=(const connection_list &) = delete;
    ~connection_list() {
        while (!empty())
            static_cast<entry *>(end_.behind)->leave();
    }

    /// Puts the connection at the end of this list; `place` leaves the one that it was in. False, and
    /// it is in none, where there is no connection, or none any more.
    bool add(connection &member, entry &place) noexcept {
        place.leave();
        if (!member.wsi())
            return false;
        place.attach(&member);
        place.join_behind(*end_.before);
        return true;
    }

    bool empty() const noexcept { return end_.behind == &end_; }

    /// Calls `function(connection &)` for each connection. It may end any of them, add others, for
    /// which it is not called, and destroy the list.
    template <class Function>
    void for_each(Function &&function) {
        entry here, last; // `here` stands behind the one that the function is called with
        last.join_behind(*end_.before);
        for (node *next = end_.behind; next != &last && next != &here; next = here.behind) {
            here.node::leave();
            here.join_behind(*next);
            if (auto *member = static_cast<entry *>(next)->target()) // else another for_each's
                function(*member);
        }
    }

    /// `connection::close()` on each. Returns how many closes that began. Serve until `empty()`, and
    /// each peer has got the frame and answered it, or has had its time to. Where the context is
    /// destroyed at once, each peer whose socket can take it gets the frame, and no answer is waited for.
    std::size_t close_all(const close_frame &frame) noexcept {
        std::size_t count = 0;
        for_each([&](connection &member) { count += static_cast<bool>(member.close(frame)); });
        return count;
    }
    std::size_t close_all(any_close_code code, std::string_view text = {}) noexcept {
        return close_all(close_frame::fit(code, text));
    }

private:
    node end_; // before the first and behind the last
};

} // namespace wsclose

#endif // WSCLOSE_LWS_CONNECTION_LIST_HPP_INCLUDED
