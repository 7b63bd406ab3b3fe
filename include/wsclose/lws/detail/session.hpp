// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED

// What the adapter must know of a program's session, of whatever type it is.

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include <libwebsockets.h>

#include <wsclose/close_report.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/deadline.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

template <class Member>
struct member_of {
    static_assert(!std::is_same_v<Member, Member>, "wsclose: the member of tracked<> has to be a wsclose::connection");
};
template <class Session>
struct member_of<connection Session::*> {
    using type = Session;
};

/// A program's callback and its type of session, so that one adapter serves all of them.
struct session_type {
    lws_callback_function *callback;
    lws_callback_function *adapter; ///< what stands in the table of protocols
    std::size_t            size;    ///< of the memory that lws gives to the callback
    std::uint16_t          timeout; ///< as close_timeout() gives it
    bool                   is_pointer;

    connection *(*find)(void *user);                                       ///< null if there is no session
    void (*construct)(void *user);                                         ///< null if it has no default constructor
    void (*destroy)(void *user) noexcept;                                  ///< null if `construct` is
    void (*report)(void *user, const close_report &, const environment &); ///< null if it has no on_close
};

/// Where the session is: in the memory that lws gives to the callback, or behind a pointer there.
template <class Session>
struct place {
    using type                       = Session;
    static constexpr bool is_pointer = false;

    static Session *find(void *user) noexcept { return static_cast<Session *>(user); }
};
template <class Session>
struct place<Session *> {
    using type                       = Session;
    static constexpr bool is_pointer = true;

    static Session *find(void *user) noexcept { return user ? *static_cast<Session **>(user) : nullptr; }
};

/// The `close_timeout` of the session, or the default.
template <class Session, class = void>
inline constexpr lws_usec_t timeout_of = default_close_timeout;
template <class Session>
inline constexpr lws_usec_t timeout_of<Session, std::void_t<decltype(Session::close_timeout)>> = Session::close_timeout;

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

template <class Place, auto Member>
connection *find_in(void *user) {
    auto *const session = Place::find(user);
    return session ? &(session->*Member) : nullptr;
}

template <class Session>
void construct(void *user) {
    ::new (user) Session();
}

template <class Session>
void destroy(void *user) noexcept {
    static_cast<Session *>(user)->~Session();
}

/// Calls `on_close` with a copy of the report, since it may use the session to connect anew.
template <class Place>
void report_to(void *user, const close_report &report, [[maybe_unused]] const environment &where) {
    auto              &session = *Place::find(user);
    const close_report copy    = report;
    if constexpr (takes_environment<typename Place::type>)
        session.on_close(copy, where);
    else
        session.on_close(copy);
}

template <lws_callback_function *Callback, lws_callback_function *Adapter, auto Member, class Session>
struct typed : session_type {
    using place   = detail::place<Session>;
    using session = typename place::type;
    static_assert(alignof(session) <= alignof(std::max_align_t), "wsclose: lws allocates sessions with malloc()");

    constexpr typed() noexcept
        : session_type{Callback,
                       Adapter,
                       sizeof(Session),
                       close_timeout(timeout_of<session>),
                       place::is_pointer,
                       find_in<place, Member>,
                       nullptr,
                       nullptr,
                       nullptr} {
        if constexpr (std::is_default_constructible_v<session> && !place::is_pointer) {
            construct = detail::construct<session>;
            destroy   = detail::destroy<session>;
        }
        if constexpr (takes_report<session> || takes_environment<session>)
            report = report_to<place>;
        else if constexpr (!std::is_final_v<session>)
            static_assert(!has_on_close<session>,
                          "wsclose: on_close has to be a public member of the session that can be "
                          "called with a const wsclose::close_report &, or with that and a const "
                          "wsclose::environment &");
    }
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_SESSION_HPP_INCLUDED
