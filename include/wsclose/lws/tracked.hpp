// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_TRACKED_HPP_INCLUDED
#define WSCLOSE_LWS_TRACKED_HPP_INCLUDED

// The adapter between lws and a program's callback. In the table of protocols it takes the place of that
// callback.

#include <cstddef>

#include <libwebsockets.h>

#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/session.hpp>
#include <wsclose/lws/detail/tracker.hpp>

namespace wsclose {

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
    using place                              = detail::place<Session>;
    constexpr lws_callback_function *adapter = &tracked<Callback, Member, Session>;
    const detail::meaning            means   = detail::meaning_of(reason);
    if (!detail::is_own(wsi, user, adapter)) {
        if (reason == LWS_CALLBACK_WSI_DESTROY) // `user` may be the session of another protocol
            user = nullptr;
        return Callback(wsi, reason, user, in, len);
    }
    if (const detail::decision d = detail::admit(wsi, user, place::size); !d.pass)
        return d.result;

    auto *const session = place::find(user);
    if (!session) { // it does not exist yet, or the program has destroyed it
        if (detail::is_of_open_websocket(means.what))
            return -1;
        const int result = Callback(wsi, reason, user, in, len);
        return detail::conclude<Member, place>(nullptr, nullptr, wsi, means, result);
    }
    detail::tracker tracker(session->*Member, wsi);
    if (!tracker.is_tracked()) {
        if (const detail::decision d = detail::begin_session<place>(tracker, wsi, means, user); !d.pass)
            return d.result;
        if (!tracker.is_tracked())
            return Callback(wsi, reason, user, in, len);
    }

    const detail::ending ending = tracker.end(means.what, in, len);
    if (ending == detail::ending::none) {
        const detail::decision d = tracker.before(means.what, in, len);
        if (!d.pass)
            return d.result;
        const int result = Callback(wsi, reason, user, in, len);
        return detail::conclude<Member, place>(&tracker, session, wsi, means, result);
    }

    if (ending == detail::ending::reported)
        detail::report_to(*session, (session->*Member).report(), wsi);
    if (tracker.owner() != detail::owner::adapter) {
        const int result = Callback(wsi, reason, user, in, len); // may delete the session
        lws_set_wsi_user(wsi, nullptr);
        return result;
    }
    detail::destruction destroyed(session->*Member);
    const int           result = Callback(wsi, reason, user, in, len);
    detail::destroy_session(session, static_cast<bool>(destroyed));
    return result;
}

} // namespace wsclose

#endif // WSCLOSE_LWS_TRACKED_HPP_INCLUDED
