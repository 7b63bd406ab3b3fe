// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED

// The session that holds a `connection`: where it is, which callbacks are its own, how it begins and ends.

#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include <libwebsockets.h>

#include <wsclose/close_report.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/event.hpp>
#include <wsclose/lws/detail/tracker.hpp>

namespace wsclose::detail {

template <class Member>
struct member_of {
    static_assert(!std::is_same_v<Member, Member>, "wsclose: the member of tracked<> has to be a wsclose::connection");
};
template <class Session>
struct member_of<connection Session::*> {
    using type = Session;
};

/// Where the session is: in the memory that lws gives to the callback, or behind a pointer there.
template <class Session>
struct place {
    using type                              = Session;
    static constexpr bool        is_pointer = false;
    static constexpr std::size_t size       = sizeof(Session);

    static Session *find(void *user) noexcept {
        return user == destroyed_session() ? nullptr : static_cast<Session *>(user);
    }
};
template <class Session>
struct place<Session *> {
    using type                              = Session;
    static constexpr bool        is_pointer = true;
    static constexpr std::size_t size       = sizeof(Session *);

    static Session *find(void *user) noexcept { return user ? *static_cast<Session **>(user) : nullptr; }
};

/// The `close_timeout` of the session, or the default.
template <class Session, class = void>
inline constexpr std::uint16_t timeout_of = close_timeout(default_close_timeout);
template <class Session>
inline constexpr std::uint16_t
    timeout_of<Session, std::void_t<decltype(Session::close_timeout)>> = close_timeout(Session::close_timeout);

template <class Session, class = void>
inline constexpr bool takes_report = false;
template <class Session>
inline constexpr bool takes_report<
    Session, std::void_t<decltype(std::declval<Session &>().on_close(std::declval<const close_report &>()))>> = true;
template <class Session, class = void>
inline constexpr bool takes_environment = false;
template <class Session>
inline constexpr bool
    takes_environment<Session, std::void_t<decltype(std::declval<Session &>().on_close(
                                   std::declval<const close_report &>(), std::declval<const environment &>()))>> = true;

// If the session has any `on_close`, private or of another type, the name is ambiguous.
struct other_on_close {
    void on_close();
};
template <class Session>
struct with_other_on_close : Session, other_on_close {};
template <class Session, class = void>
inline constexpr bool has_on_close = true;
template <class Session>
inline constexpr bool has_on_close<Session, std::void_t<decltype(&with_other_on_close<Session>::on_close)>> = false;

/// Calls `session.on_close`, if there is one. Gives it a copy, since it may use the session to connect anew.
template <class Session>
void report_to([[maybe_unused]] Session &session, [[maybe_unused]] const close_report &report,
               [[maybe_unused]] lws *wsi) {
    if constexpr (takes_environment<Session>) {
        const close_report copy = report;
        session.on_close(copy, environment{lws_get_context(wsi), lws_get_vhost(wsi), lws_get_protocol(wsi)});
    } else if constexpr (takes_report<Session>) {
        const close_report copy = report;
        session.on_close(copy);
    } else if constexpr (!std::is_final_v<Session>) {
        static_assert(!has_on_close<Session>, "wsclose: on_close has to be a public member of the session that can be "
                                              "called with a const wsclose::close_report &, or with that and a "
                                              "const wsclose::environment &");
    }
}

/// Whether a callback is for a connection of this adapter, and `user` is what lws keeps for it. lws calls the first
/// protocol of a vhost for connections of other protocols too, with their sessions.
inline bool is_own(lws *wsi, const void *user, lws_callback_function *adapter) noexcept {
    if (!wsi || user != lws_wsi_user(wsi))
        return false;
    const lws_protocols *protocol = lws_get_protocol(wsi);
    return protocol && protocol->callback == adapter;
}

/// The connection ends, and the program sees nothing more of it.
inline decision refuse(lws *wsi) noexcept {
    lws_set_wsi_user(wsi, destroyed_session());
    return {false, -1};
}

/// What becomes of a callback for a connection of this adapter, before anything is read from `user`.
inline decision admit(lws *wsi, const void *user, unsigned long size) noexcept {
    if (user == destroyed_session())
        return {false, -1}; // ends the connection, if it has not ended
    const unsigned long given = lws_get_protocol(wsi)->per_session_data_size;
    if (!user || given == 0 || given == size)
        return {};
    const char *const advice =
        given == sizeof(void *) ? "if there is a pointer to the session: tracked<callback, &session::ws, session *>"
        : given > size          ? "if the session inherits its connection: tracked<callback, &session::ws, session>"
                                : "write sizeof(session) there";
    lwsl_err("wsclose: protocol \"%s\": per_session_data_size is %lu, and the session of its tracked<> takes %lu; %s\n",
             lws_get_protocol(wsi)->name, given, size, advice);
    return refuse(wsi);
}

/// Whether lws owns the memory of the session, and it is not constructed.
inline bool is_raw_memory(const tracker &tracker, lws *wsi) noexcept {
    return tracker.owner() == owner::nobody && lws_get_protocol(wsi)->per_session_data_size != 0;
}

/// The callback finds a session that is not that of the open connection.
inline decision refuse_other_session(lws *wsi) noexcept {
    lwsl_err(
        "wsclose: protocol \"%s\": the session was overwritten (by memset() or placement new) or given to lws after "
        "ESTABLISHED; the connection ends\n",
        lws_get_protocol(wsi)->name);
    return refuse(wsi);
}

/// What happens to a callback whose session has not begun, or has ended.
template <class Place>
decision begin_session(tracker &tracker, lws *wsi, meaning means, void *&user) {
    using session = typename Place::type;
    static_assert(alignof(session) <= alignof(std::max_align_t), "wsclose: lws allocates sessions with malloc()");
    const bool is_raw = !Place::is_pointer && is_raw_memory(tracker, wsi);
    if (means.begins == beginning::no) {
        if (is_of_open_websocket(means.what))
            return refuse_other_session(wsi);
        if (is_raw)
            user = nullptr;
        return {};
    }
    if (is_raw) {
        if constexpr (std::is_default_constructible_v<session>) {
            ::new (user) session();
            tracker.set_owner(owner::adapter);
        } else {
            lwsl_err("wsclose: protocol \"%s\": the session has no default constructor; set per_session_data_size to 0 "
                     "and give lws a session of your own (lws_client_connect_info.userdata, lws_set_wsi_user())\n",
                     lws_get_protocol(wsi)->name);
            return refuse(wsi);
        }
    }
    if constexpr (Place::is_pointer)
        tracker.set_owner(owner::program_by_pointer);
    if (means.begins != beginning::memory)
        tracker.begin(means, timeout_of<session>);
    return {};
}

/// After the program's callback, which returned `result`: the program may have destroyed, overwritten, replaced or
/// only now created its session. Returns the result for lws.
template <auto Member, class Place>
int conclude(tracker *before, typename Place::type *session, lws *wsi, meaning means, int result) {
    using type      = typename Place::type;
    type *const now = Place::find(lws_wsi_user(wsi));
    if (before && now == session && before->is_tracked())
        return before->after(means.what, result);
    const char *const protocol = lws_get_protocol(wsi)->name;
    if (!now) {
        if (before) // it ends with its session
            return -1;
        if (means.what != event::established)
            return result;
        lwsl_err("wsclose: protocol \"%s\" is tracked, and its connection has no session: write sizeof(session) where "
                 "its per_session_data_size is 0, or create a session in ESTABLISHED\n",
                 protocol);
        return refuse(wsi).result;
    }
    if (before && now == session) {
        lwsl_warn("wsclose: protocol \"%s\": its callback has overwritten the session, which the adapter had "
                  "constructed; remove that (placement new or memset() in ESTABLISHED)\n",
                  protocol);
        before->begin_again(timeout_of<type>);
        return before->after(means.what, result);
    }
    if (means.begins != beginning::server && means.begins != beginning::client)
        return result;
    if (!Place::is_pointer && lws_get_protocol(wsi)->per_session_data_size != 0)
        lwsl_warn("wsclose: protocol \"%s\": its callback has replaced the session, which the adapter had constructed; "
                  "write 0 for per_session_data_size\n",
                  protocol);
    tracker tracker(now->*Member, wsi);
    tracker.set_owner(Place::is_pointer ? owner::program_by_pointer : owner::program);
    tracker.begin(means, timeout_of<type>);
    tracker.before(means.what, nullptr, 0);
    return tracker.after(means.what, result);
}

/// Notices whether the program destroys a session that the adapter owns, as programs do that construct it themselves.
class destruction : private link {
public:
    explicit destruction(connection &c) noexcept : link(on_destroyed) { attach(&c); }
    explicit operator bool() const noexcept { return !is_attached(); }

private:
    static void on_destroyed(link &) noexcept {}
};

/// Destroys the session, if the program has not, and leaves zeroed memory, as lws gave it.
template <class Session>
void destroy_session(Session *session, bool is_destroyed) noexcept {
    if (!is_destroyed)
        session->~Session();
    std::memset(static_cast<void *>(session), 0, sizeof(Session));
}

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED
