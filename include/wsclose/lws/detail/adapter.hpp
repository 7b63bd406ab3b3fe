// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_ADAPTER_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_ADAPTER_HPP_INCLUDED

// The adapter between lws and a program's callback: which callbacks are for its sessions, and how a session begins and
// ends.

#include <cstddef>
#include <cstring>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/detail/config.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/event.hpp>
#include <wsclose/lws/detail/link.hpp>
#include <wsclose/lws/detail/retry_timer.hpp>
#include <wsclose/lws/detail/session.hpp>
#include <wsclose/lws/detail/tracker.hpp>
#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// One callback of lws.
struct call {
    const session_type  &type;
    lws                 *wsi;
    lws_callback_reasons reason;
    void                *user;
    void                *in;
    std::size_t          len;

    int pass_on() const { return type.callback(wsi, reason, user, in, len); }

    /// What lws keeps for the connection: its session, or a pointer to it.
    std::string_view memory() const noexcept { return {static_cast<const char *>(user), type.size}; }

    const lws_protocols &protocol() const noexcept { return *lws_get_protocol(wsi); }

    /// Whether it is for a connection of this adapter, and `user` is what lws keeps for it. lws calls the first
    /// protocol of a vhost for connections of other protocols too, with their sessions.
    bool is_own() const noexcept {
        if (!wsi || user != lws_wsi_user(wsi))
            return false;
        const lws_protocols *const own = lws_get_protocol(wsi);
        return own && own->callback == type.adapter;
    }

    WSCLOSE_NOINLINE void log(int level, const char *text) const noexcept {
        _lws_log(level, "wsclose: protocol \"%s\": %s\n", protocol().name, text);
    }

    /// The connection ends, and the program sees nothing more of it.
    WSCLOSE_NOINLINE decision refuse(const char *why) const noexcept {
        log(LLL_ERR, why);
        lws_set_wsi_user(wsi, destroyed_session());
        lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC); // 4.0 does not mind -1 from ESTABLISHED
        return {false, -1};
    }

    /// What becomes of it, before anything is read from `user`.
    decision admit() const noexcept {
        if (user == destroyed_session()) { // -1 ends the connection; at these lws must not be disturbed
            const bool is_polling = reason >= LWS_CALLBACK_ADD_POLL_FD && reason <= LWS_CALLBACK_UNLOCK_POLL;
            return {false, is_polling ? 0 : -1};
        }
        const std::size_t given = protocol().per_session_data_size, needed = type.size;
        if (!user || given == needed || (given == 0 && !type.is_pointer))
            return {};
        return refuse(
            type.is_pointer ? "per_session_data_size is not that of a pointer; write sizeof(session *), or for a "
                              "session of your own, "
                              "tracked<callback, &session::ws>"
            : given == sizeof(void *)
                ? "per_session_data_size is that of a pointer; write tracked<callback, &session::ws, session *>"
            : given > needed ? "per_session_data_size is too large; write sizeof(session), or if the session "
                               "inherits its connection, tracked<callback, &session::ws, session>"
                             : "per_session_data_size is too small; write sizeof(session)");
    }

    /// What becomes of it if its session has not begun, or has ended.
    decision begin_session(tracker &tracker, meaning means) {
        if (means.begins != beginning::no && tracker.is_elsewhere())
            return refuse("a session serves one connection at a time; the second attempt ends");
        const bool is_raw =
            !type.is_pointer && tracker.owner() == owner::nobody && protocol().per_session_data_size != 0;
        if (means.begins == beginning::no) {
            if (is_of_open_websocket(means.what))
                return refuse("the session was overwritten, or given to lws after ESTABLISHED; the connection ends");
            if (!is_raw)
                return {};
            user = nullptr;
            return {false, pass_on()};
        }
        if (is_raw) {
            if (!type.construct)
                return refuse(
                    "the session has no default constructor; write 0 for per_session_data_size, and give lws a "
                    "session of your own");
            type.construct(user);
            tracker.set_owner(owner::adapter);
        }
        if (type.is_pointer)
            tracker.set_owner(owner::program_by_pointer);
        if (means.begins != beginning::memory)
            tracker.begin(means, type.timeout);
        return {};
    }

    /// The session's connection begins with the attempt, so that the session may be destroyed meanwhile.
    int begin_attempt(connection &session, tracker &tracker) {
        *static_cast<connection **>(in) = &session;
        return tracker.is_tracked() ? 0 : begin_session(tracker, meaning{event::other, beginning::client}).result;
    }

    connection *find_now() const noexcept {
        void *const given  = lws_wsi_user(wsi);
        const bool is_none = given == destroyed_session() || (type.is_pointer && protocol().per_session_data_size == 0);
        return is_none ? nullptr : type.find(given);
    }

    /// After the program's callback, which returned `result` and left the connection another session, or none. `before`
    /// is null if it had none. Returns the result for lws.
    int conclude(const tracker *before, meaning means, int result) const noexcept {
        connection *const now = find_now();
        if (!now) {
            if (before) // the connection ends with its session
                return -1;
            if (means.what != event::established)
                return result;
            return refuse(
                       "the connection has no session; write sizeof(session) for per_session_data_size, or give it a "
                       "session by lws_set_wsi_user() in ESTABLISHED or before")
                .result;
        }
        if (!before && means.begins != beginning::server && means.begins != beginning::client)
            return result;
        if (!type.is_pointer && protocol().per_session_data_size != 0)
            log(LLL_WARN, "the callback has replaced the session; write 0 for per_session_data_size");
        tracker tracker(*now, wsi);
        tracker.set_owner(type.is_pointer ? owner::program_by_pointer : owner::program);
        before ? tracker.take_over(*before, type.timeout) : tracker.begin(means, type.timeout);
        tracker.before(means.what, in, len);
        return tracker.after(means.what, result);
    }

    /// Notices whether the program destroys the session in its callback.
    struct watch : link {
        watch(const call &c, connection &session, tracker &tracker) noexcept
            : link(on_destroyed), c_(c), session_(session), tracker_(tracker) {
            attach(&session);
        }

    private:
        static void on_destroyed(link &self) noexcept {
            auto &watch = static_cast<call::watch &>(self);
            if (watch.c_.find_now() != &watch.session_) // lws has another, so the connection goes on
                watch.tracker_.leave();
        }

        const call &c_;
        connection &session_;
        tracker    &tracker_;
    };

    /// Passes it on to a session, which the program may destroy, overwrite or replace. Returns the result for lws.
    int pass_on_to(connection &session, tracker &tracker, meaning means) const {
        watch                   alive(*this, session, tracker);
        const int               result     = pass_on();
        const connection *const now        = find_now();
        const bool              is_current = now == &session;
        if (alive.is_attached() && is_current) {
            if (!tracker.is_tracked()) {
                alive.forget(memory());
                log(LLL_WARN, "the callback has overwritten the session, which was constructed already; remove that "
                              "(placement new, memset())");
                tracker.begin_again(type.timeout);
            }
            return tracker.after(means.what, result);
        }
        if (now && now->wsi() == wsi) // another session has begun meanwhile, such as that of the next request
            return result;
        if (tracker.owner() == owner::adapter) {
            if (is_current)
                return refuse("the callback has destroyed a session that is connected").result;
            alive.forget(memory()); // with lws_set_wsi_user(), lws has freed it
        } else if (alive.is_attached()) {
            tracker.leave();
        }
        return conclude(&tracker, means, result);
    }

    /// Passes it on without a session: it does not exist yet, or the program has destroyed it.
    int pass_on_to_none(meaning means) const {
        if (means.what == event::failed && !user && protocol().per_session_data_size != 0)
            log(LLL_WARN, "a client failed before lws made its session, so nobody is told; set "
                          "lws_client_connect_info.local_protocol_name");
        return is_of_open_websocket(means.what) ? -1 : conclude(nullptr, means, pass_on());
    }

    /// The last callback of a session of the adapter's own. Programs that construct it themselves also destroy it.
    int end_session(connection &session, tracker &tracker) const {
        watch     alive(*this, session, tracker);
        const int result = pass_on();
        if (lws_wsi_user(wsi) != user) {
            log(LLL_WARN, "the callback has replaced the session, which nobody destroys; remove lws_set_wsi_user()");
            alive.forget(memory()); // lws has freed it
            return result;
        }
        if (alive.is_attached())
            type.destroy(user);
        std::memset(user, 0, type.size); // as lws gave it
        return result;
    }

    /// The last callback of a session.
    int finish(connection &session, tracker &tracker, ending how) const {
        if (how == ending::reported && type.report)
            type.report(user, session.report(), {lws_get_context(wsi), lws_get_vhost(wsi), &protocol()});
        if (tracker.owner() == owner::adapter)
            return end_session(session, tracker);
        const int result = pass_on(); // may delete the session
        lws_set_wsi_user(wsi, nullptr);
        return result;
    }
};

/// Handles a callback of lws for the program, and passes it on.
inline int handle(call c) {
    const meaning means = meaning_of(c.reason);
    if (!c.is_own()) {
        if (c.reason == LWS_CALLBACK_WSI_DESTROY) // `user` may be the session of another protocol
            c.user = nullptr;
        return c.pass_on();
    }
    if (const decision d = c.admit(); !d.pass)
        return d.result;
    connection *const session = c.type.find(c.user);
    if (!session) {
        if (c.reason == LWS_CALLBACK_PROTOCOL_DESTROY)
            retry_timer::cancel_all(lws_get_context(c.wsi), lws_get_vhost(c.wsi));
        return c.pass_on_to_none(means);
    }
    tracker tracker(*session, c.wsi);
    if (c.reason == attempt_begins)
        return c.begin_attempt(*session, tracker);
    if (!tracker.is_tracked()) {
        if (const decision d = c.begin_session(tracker, means); !d.pass)
            return d.result;
        if (!tracker.is_tracked()) // lws may drop a session that has not begun without a further word
            return means.what == event::dropped && tracker.owner() == owner::adapter ? c.end_session(*session, tracker)
                                                                                     : c.pass_on();
    }

    if (tracker.ends_unannounced(means.what))
        c.log(LLL_WARN, "lws does not say in time that this connection ends, so that its report may know little; set "
                        "lws_client_connect_info.local_protocol_name");
    const ending how = tracker.end(means.what, c.in, c.len);
    if (how == ending::none) {
        const decision d = tracker.before(means.what, c.in, c.len);
        if (!d.pass)
            return d.result;
        if (means.what != event::redirected || tracker.owner() != owner::program_by_pointer)
            return c.pass_on_to(*session, tracker, means);
        tracker.leave(); // lws frees the pointer and continues with another
        return c.pass_on();
    }
    return c.finish(*session, tracker, how);
}

/// The same, with a result that every version of lws understands.
inline int adapt(const call &c) { return result_for_lws(c.reason, handle(c)); }

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_ADAPTER_HPP_INCLUDED
