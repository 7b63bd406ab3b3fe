// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_CONNECTION_LIST_HPP_INCLUDED
#define WSCLOSE_LWS_CONNECTION_LIST_HPP_INCLUDED

// Many connections together, such as those of a server or of a room.

#include <cstddef>
#include <string_view>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/link.hpp>

WSCLOSE_BEGIN_NAMESPACE

class drain;

/// A list of connections. A connection leaves it when it ends. Service thread only. The list allocates
/// nothing, since each session brings its own `entry`; a session in several lists has several entries.
class connection_list {
    struct node {
        node *before = this;
        node *behind = this;

        void leave() noexcept {
            if (!behind) // the program has zeroed it
                return;
            before->behind = behind;
            behind->before = before;
            before = behind = this;
        }
        void join_behind(node &place) noexcept {
            before         = &place;
            behind         = place.behind;
            before->behind = behind->before = this;
        }
        /// Takes all nodes that are in a ring with `others` to behind this one; does not change `others`.
        void take_all(const node &others) noexcept {
            if (others.behind == &others)
                return;
            others.before->behind = behind;
            behind->before        = others.before;
            behind                = others.behind;
            behind->before        = this;
        }
    };

public:
    /// The place of a session in a list; a member of the session.
    class entry : private detail::link, private node {
    public:
        entry() noexcept : link(on_connection_ended) {}
        ~entry() { leave(); }

        /// Leaves the list, if it is in one.
        void leave() noexcept {
            detach();
            node::leave();
        }

    private:
        friend class connection_list;
        friend class drain;
        static void on_connection_ended(link &self) noexcept { static_cast<entry &>(self).leave(); }
    };

    connection_list() noexcept                          = default;
    connection_list(const connection_list &)            = delete;
    connection_list &operator=(const connection_list &) = delete;
    ~connection_list() {
        while (end_.behind != &end_)
            static_cast<entry *>(end_.behind)->leave();
    }

    /// Puts the connection at the end of this list. If `place` was in a list, it leaves that one first. If the
    /// connection has ended or, with a line in lws' log, has not begun, adds nothing and returns false.
    bool add(connection &member, entry &place) noexcept {
        place.leave();
        if (!detail::begun(member, "place in a connection_list"))
            return false;
        place.attach(&member);
        place.join_behind(*end_.before);
        return true;
    }

    /// Whether no connection is in the list.
    bool empty() const noexcept { return first_from(end_.behind) == &end_; }

    /// How many connections are in the list. It counts them one by one.
    std::size_t size() const noexcept {
        std::size_t count = 0;
        for (const node *at = first_from(end_.behind); at != &end_; at = first_from(at->behind))
            ++count;
        return count;
    }

    /// Calls `function(connection &)` for each connection. The function may end any of them, destroy the list,
    /// and add connections, for which it is not called.
    template <class Function>
    void for_each(Function &&function) {
        entry here, last; // `here` marks the place behind the connection being visited
        last.join_behind(*end_.before);
        for (node *next = end_.behind; next != &last && next != &here; next = here.behind) {
            here.node::leave();
            here.join_behind(*next);
            if (auto *member = static_cast<entry *>(next)->target()) // null: a marker
                function(*member);
        }
    }

    /// Closes each connection as `connection::close()` does, and returns the number of closes started. Run the
    /// service loop until the list is empty: then each peer has taken the frame and answered it, or has timed out. If
    /// you destroy the context at once, peers whose sockets have room get the frame, but nobody waits for answers.
    std::size_t close_all(const close_frame &frame) noexcept {
        std::size_t count = 0;
        for_each([&](connection &member) { count += static_cast<bool>(member.close(frame)); });
        return count;
    }
    /// As `close_all(close_frame::fit(code, text))`.
    std::size_t close_all(any_close_code code, std::string_view text = {}) noexcept {
        return close_all(close_frame::fit(code, text));
    }

private:
    friend class drain;

    /// The first place from `at` on that has a connection, or the end. The others are markers.
    const node *first_from(const node *at) const noexcept {
        while (at != &end_ && !static_cast<const entry *>(at)->target())
            at = at->behind;
        return at;
    }

    node end_; // sentinel, before the first and behind the last
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_CONNECTION_LIST_HPP_INCLUDED
