// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED

// The session that holds a `connection`: which callbacks are its own, and how it begins.

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

template <class Session, class = void>
inline constexpr bool takes_report = false;
template <class Session>
inline constexpr bool takes_report<
    Session, std::void_t<decltype(std::declval<Session &>().on_close(std::declval<const close_report &>()))>> = true;

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

template <class Session>
constexpr bool is_told() noexcept {
    if constexpr (!takes_report<Session> && !std::is_final_v<Session>)
        static_assert(!has_on_close<Session>, "wsclose: on_close has to be a public member of the session that "
                                              "can be called with a const wsclose::close_report &");
    return takes_report<Session>;
}

/// Whether `user` is a session of this adapter. lws calls the first protocol of a vhost for connections of
/// other protocols too, with their sessions.
inline bool is_session(lws *wsi, const void *user, lws_callback_function *adapter) noexcept {
    if (!wsi || !user || user != lws_wsi_user(wsi))
        return false;
    const lws_protocols *protocol = lws_get_protocol(wsi);
    return protocol && protocol->callback == adapter;
}

/// Whether the callback needs a session and has none; logs what to do. Such a callback is kept from the program.
inline bool lacks_session(lws *wsi, meaning means, const void *user, lws_callback_function *adapter) noexcept {
    if (user || means.needs == need::none)
        return false;
    const lws_protocols *protocol = lws_get_protocol(wsi);
    if (!protocol)
        return false;
    if (means.needs == need::live_session)
        return protocol->callback == adapter;
    lwsl_err("wsclose: protocol \"%s\" is tracked and has no session: write sizeof(session) where its "
             "per_session_data_size is 0\n",
             protocol->name);
    return true;
}

/// Begins a session, and constructs it if lws owns its memory. Returns false if it cannot be constructed.
template <class Session>
bool begin_session(tracker &tracker, lws *wsi, void *user, meaning means) {
    static_assert(alignof(Session) <= alignof(std::max_align_t), "wsclose: lws allocates sessions with malloc()");
    if (tracker.needs_construction()) {
        const unsigned long given = lws_get_protocol(wsi)->per_session_data_size, needed = sizeof(Session);
        if (given != needed) {
            lwsl_err("wsclose: protocol \"%s\": per_session_data_size is %lu, and the session takes %lu bytes; "
                     "write sizeof(session) there\n",
                     lws_get_protocol(wsi)->name, given, needed);
            return false;
        }
        if constexpr (std::is_default_constructible_v<Session>) {
            ::new (user) Session();
            tracker.note_construction();
        } else {
            lwsl_err("wsclose: protocol \"%s\": the session has no default constructor; set per_session_data_size "
                     "to 0 and give lws a session of your own (lws_client_connect_info.userdata)\n",
                     lws_get_protocol(wsi)->name);
            return false;
        }
    }
    tracker.begin(means);
    return true;
}

/// Calls `session.on_close`, if there is one. Gives it a copy, since it may use the session to connect anew.
template <class Session>
void report_to([[maybe_unused]] Session &session, [[maybe_unused]] const close_report &report) {
    if constexpr (is_told<Session>()) {
        const close_report copy = report;
        session.on_close(copy);
    }
}

/// Leaves zeroed memory, as lws gave it.
template <class Session>
void destroy_session(void *user) noexcept {
    static_cast<Session *>(user)->~Session();
    std::memset(user, 0, sizeof(Session));
}

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED
