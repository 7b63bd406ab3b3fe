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
/// `Member` is the `connection` in the session. If the session inherits it, name the session as the third
/// argument. lws then calls `Callback` as before, with these differences:
/// - The adapter constructs a session before its first callback and destroys it after its last, if lws owns
///   its memory. Before and after that, `user` is null.
/// - The adapter checks and answers the peer's Close frame. `Callback` sees valid ones only, and its result
///   is ignored.
/// - If the session has a member `on_close(const close_report &)`, it is called once for each WebSocket
///   connection, and for each attempt of a client that failed, just before the last callback.
/// - If `Callback` calls lws_close_reason() and returns nonzero, that is a close like `connection::close()`.
/// - Once the connection is closing, `Callback` gets no data and no pongs, no LWS_CALLBACK_TIMER, and only the
///   writeable callbacks that it requests by `connection::request_writable()`.
template <lws_callback_function *Callback, auto Member,
          class Session = typename detail::member_of<decltype(Member)>::type>
int tracked(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    constexpr lws_callback_function *adapter = &tracked<Callback, Member, Session>;
    const detail::meaning            means   = detail::meaning_of(reason);
    if (detail::lacks_session(wsi, means, user, adapter))
        return -1;
    if (!detail::is_session(wsi, user, adapter)) {
        if (reason == LWS_CALLBACK_WSI_DESTROY) // `user` may be the session of another protocol
            user = nullptr;
        return Callback(wsi, reason, user, in, len);
    }

    auto           &session = *static_cast<Session *>(user);
    detail::tracker tracker(session.*Member, wsi);
    if (!tracker.is_tracked()) {
        if (means.begins == detail::beginning::no)
            return Callback(wsi, reason, nullptr, in, len);
        if (!detail::begin_session<Session>(tracker, wsi, user, means))
            return -1;
    }

    const detail::ending ending = tracker.end(means.what, in, len);
    if (ending == detail::ending::none) {
        const detail::decision decision = tracker.before(means.what, in, len);
        if (!decision.pass)
            return decision.result;
        const int result = Callback(wsi, reason, user, in, len);
        return lws_wsi_user(wsi) == user ? tracker.after(means.what, result) : result; // else it deleted the session
    }

    const bool adapter_owns_session = tracker.adapter_owns_session();
    if (ending == detail::ending::reported)
        detail::report_to(session, (session.*Member).report());
    const int result = Callback(wsi, reason, user, in, len); // may delete a session that the program owns
    if (adapter_owns_session)
        detail::destroy_session<Session>(user);
    else
        lws_set_wsi_user(wsi, nullptr);
    return result;
}

} // namespace wsclose

#endif // WSCLOSE_LWS_TRACKED_HPP_INCLUDED
