// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_TRACKED_HPP_INCLUDED
#define WSCLOSE_LWS_TRACKED_HPP_INCLUDED

// The adapter between lws and a program's callback. In the table of protocols it takes the place of that
// callback.

#include <cstddef>
#include <type_traits>

#include <libwebsockets.h>

#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/adapter.hpp>
#include <wsclose/lws/detail/session.hpp>

WSCLOSE_BEGIN_NAMESPACE

/// Tracks the connections of a protocol. In the table of protocols, write it in place of `Callback`:
///
///     {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), ...}
///
/// `Member` is the `connection` in the session. lws then calls `Callback` as before, with these differences:
/// - The adapter constructs a session before its first callback and destroys it after its last, if lws owns
///   its memory. Before and after that, `user` is null.
/// - The adapter checks and answers the peer's Close frame. `Callback` sees valid ones only, and its result
///   is ignored.
/// - If the session has a member `on_close(const close_report &)`, it is called once for each WebSocket
///   connection, and for each attempt of a client that failed, just before the last callback. It may take a
///   `const environment &` too.
/// - If `Callback` calls lws_close_reason() and returns nonzero, that is a close like `connection::close()`.
/// - Once the connection is closing, `Callback` gets no data, no pongs and no LWS_CALLBACK_TIMER.
///
/// `Session` is named if the session inherits its connection: `tracked<callback, &session::ws, session>`. If the
/// memory that lws gives to the callback holds a pointer to the session: `tracked<callback, &session::ws, session *>`.
template <lws_callback_function *Callback, auto Member,
          class Session = typename detail::member_of<decltype(Member)>::type>
int tracked(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    static constexpr detail::typed<Callback, &tracked<Callback, Member, Session>, Member, Session> type;
    return detail::adapt({type, wsi, reason, user, in, len});
}

/// Says what is wrong if the one above is written with something else.
template <auto Callback, auto... Rest>
auto tracked(lws *, lws_callback_reasons, void *, void *, std::size_t)
    -> std::enable_if_t<sizeof...(Rest) == 0 || !std::is_convertible_v<decltype(Callback), lws_callback_function *>,
                        int> {
    static_assert(std::is_convertible_v<decltype(Callback), lws_callback_function *>,
                  "wsclose: the callback of tracked<> has to be a function of the type lws_callback_function: "
                  "int (lws *, lws_callback_reasons, void *user, void *in, size_t len)");
    static_assert(sizeof...(Rest) != 0, "wsclose: tracked<> needs the connection in the session too: "
                                        "tracked<callback, &session::ws>");
    return -1;
}

/// Says what is wrong if the callback is a variable, which may change at run time.
template <auto &Callback, auto Member, class... Session>
auto tracked(lws *, lws_callback_reasons, void *, void *, std::size_t)
    -> std::enable_if_t<std::is_same_v<decltype(Callback), lws_callback_function *&>, int> {
    static_assert(
        !std::is_same_v<decltype(Callback), lws_callback_function *&>,
        "wsclose: the callback of tracked<> has to be known to the compiler; to choose one at run time, write "
        "a function that calls the chosen one");
    return -1;
}

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_TRACKED_HPP_INCLUDED
