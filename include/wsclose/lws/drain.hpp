// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DRAIN_HPP_INCLUDED
#define WSCLOSE_LWS_DRAIN_HPP_INCLUDED

// For a server that goes down: closes its connections one after the other, in random order.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/connection_list.hpp>
#include <wsclose/lws/detail/deadline.hpp>
#include <wsclose/lws/detail/link.hpp>
#include <wsclose/lws/detail/pace.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// Closes the connections of a list in random order, spread evenly over a window of time, so that their peers do not
/// all come back at once. Service thread only; allocates nothing. The list's `size()` shows the progress. `refuse()`
/// turns newcomers away meanwhile.
class drain : private detail::link, private lws_sorted_usec_list_t {
public:
    drain() noexcept : link(on_held_ended), lws_sorted_usec_list_t() {}
    ~drain() { stop(); }

    /// Starts to close each connection with `frame`, as `connection::close()` does, from the event loop. Both times
    /// are in microseconds from now (LWS_US_PER_SEC), at most a day; negative values count as 0.
    /// - `window`: the time over which the connections get their turns. One that ends by itself counts as a turn. To
    ///   catch up, turns come at no more than 1.1 times the even rate; so if the program is busy, or connections are
    ///   added, the last turns may come after the window. 0: all at once.
    /// - `deadline`: when the connections that are left are dropped, closed or not. Those that are not closed yet still
    ///   get the frame if their sockets have room, but nobody waits for answers.
    ///
    /// Returns how many connections the list has. If it has none, the drain does not run. If the drain is running, the
    /// new times and the new frame apply to the connections that are not closed yet.
    std::size_t start(connection_list &connections, lws_usec_t window, lws_usec_t deadline,
                      const close_frame &frame) noexcept {
        stop();
        list_ = &connections;
        if (!hold_another(nullptr))
            return 0;
        shuffle();
        move_behind(list_->end_);
        count();
        const lws_usec_t now = lws_now_usecs();
        frame_               = frame;
        stage_               = stage::closing;
        pace_                = detail::pace(now, limited(window), waiting_);
        deadline_            = now + limited(deadline);
        schedule(0);
        return connections.size();
    }

    /// As `start(connections, window, deadline, close_frame::fit(code, text))`.
    std::size_t start(connection_list &connections, lws_usec_t window, lws_usec_t deadline, any_close_code code,
                      std::string_view text = {}) noexcept {
        return start(connections, window, deadline, close_frame::fit(code, text));
    }

    /// Whether the drain was started and connections are left. False in the `on_close` of the last connection, and at
    /// the latest one second after the rest was dropped at the deadline. lws_service() returns when it becomes false.
    bool running() const noexcept { return static_cast<const node &>(place_).behind != &place_; }

    /// Closes and drops no more connections. Destroying the list does the same.
    void stop() noexcept {
        place_.leave();
        lws_dll2_remove(&this->list);
    }

private:
    using node  = connection_list::node;
    using entry = connection_list::entry;

    enum class stage : std::uint8_t { closing, dropping };

    static constexpr lws_usec_t limited(lws_usec_t time) noexcept {
        constexpr lws_usec_t day = 86400 * lws_usec_t{LWS_US_PER_SEC};
        return time < 0 ? 0 : time < day ? time : day;
    }

    // ---- the timer, which lasts as long as some connection of the list, so that it cannot outlive the context

    void schedule(lws_usec_t delay) noexcept {
        lws *const wsi = target()->wsi();
        lws_sul_schedule(lws_get_context(wsi), lws_get_tsi(wsi), this, on_time, delay);
    }

    /// Holds on to a connection other than `ended`. Returns false if there is none.
    bool hold_another(const connection *ended) noexcept {
        for (node *at = list_->end_.before; at != &list_->end_; at = at->before) {
            held_ = static_cast<entry *>(at)->target();
            if (held_ && held_ != ended) {
                attach(held_);
                return true;
            }
        }
        return false;
    }

    static void on_held_ended(link &base) noexcept {
        drain &self = static_cast<drain &>(base);
        if (!self.running() || !self.hold_another(self.held_))
            self.stop();
    }

    static void on_time(lws_sorted_usec_list_t *due) {
        drain &self = *static_cast<drain *>(due);
        if (self.running() && self.stage_ == stage::closing && !self.list_->empty())
            return self.advance(lws_now_usecs());
        lws_cancel_service(lws_get_context(self.target()->wsi())); // so that lws_service() returns
        self.stop();
    }

    void advance(lws_usec_t now) noexcept {
        if (now >= deadline_) {
            stage_ = stage::dropping;
            list_->for_each([this](connection &member) { drop(member); });
            return schedule(LWS_US_PER_SEC); // all have ended by then, except what HTTP/2 may hide
        }
        close_due(now);
        const lws_usec_t delay = pace_.delay(now);
        schedule(delay < deadline_ - now ? delay : deadline_ - now);
    }

    // ---- the turns

    /// Brings the connections into random order: a radix sort, stable in each pass, by digits that are random.
    void shuffle() noexcept {
        lws_context *const context = lws_get_context(target()->wsi());
        for (int pass = 0; pass < 4; ++pass) { // 24 bits
            node          piles[64];
            unsigned char digits[256] = {};
            unsigned      used        = 0;
            for (node *at = list_->end_.behind, *next = nullptr; at != &list_->end_; at = next) {
                next = at->behind;
                if (!static_cast<entry *>(at)->target()) // a marker stays where it is
                    continue;
                if (used % sizeof digits == 0)
                    lws_get_random(context, digits, sizeof digits);
                at->leave();
                at->join_behind(*piles[digits[used++ % sizeof digits] % 64].before);
            }
            for (const node &pile : piles)
                list_->end_.before->take_all(pile);
        }
    }

    /// Counts the connections whose turn has not come.
    void count() noexcept {
        waiting_ = 0; // some may have ended by themselves, others may be new
        for (const node *at = place_.behind; at != &list_->end_; at = at->behind)
            if (const connection *const member = static_cast<const entry *>(at)->target())
                waiting_ += member->state() < connection_state::closing;
        turns_until_count_ = waiting_ / 128 + 1;
    }

    /// Gives their turns to all that are due.
    void close_due(lws_usec_t now) noexcept {
        pace_.look(now);
        while (pace_.is_due(now)) {
            if (turns_until_count_-- == 0) {
                count();
                pace_.recount(waiting_);
            } else if (close_next()) {
                pace_.take_turn(--waiting_);
            } else {
                pace_.skip(now);
            }
        }
    }

    /// Closes one connection. Returns false if no turn is left.
    bool close_next() noexcept {
        while (place_.behind != &list_->end_) {
            node &next = *place_.behind;
            move_behind(next);
            connection *const member = static_cast<entry &>(next).target();
            if (member && member->close(frame_))
                return true;
        }
        return false;
    }

    void move_behind(node &other) noexcept {
        place_.node::leave();
        place_.join_behind(other);
    }

    /// Ends a connection as if its peer's time to answer were over.
    void drop(connection &member) const noexcept {
        member.set_close_timeout(0);
        member.close(frame_);
        if (member.stage_ < connection::stage::established)
            lws_set_timeout(member.wsi(), PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        else
            member.deadline_.start(member.wsi(), 0);
    }

    connection_list *list_ = nullptr; // gone if the drain does not run
    connection      *held_ = nullptr; // the one that this is attached to
    entry            place_;          // a marker in the list; behind it are those whose turn has not come
    close_frame      frame_;
    stage            stage_ = stage::closing;
    detail::pace     pace_;
    lws_usec_t       deadline_          = 0;
    lws_usec_t       waiting_           = 0; // turns that are left, as last counted
    lws_usec_t       turns_until_count_ = 0;
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DRAIN_HPP_INCLUDED
