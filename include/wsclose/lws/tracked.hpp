// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_TRACKED_HPP_INCLUDED
#define WSCLOSE_LWS_TRACKED_HPP_INCLUDED

// The adapter between lws and a program's own callback: `tracked<callback, &session::member>` stands
// in the table of protocols where `callback` stood.

#include <cstddef>
#include <cstring>

#include <libwebsockets.h>

#include <wsclose/close_handshake.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/session.hpp>
#include <wsclose/lws/detail/tracker.hpp>

namespace wsclose {

/// The callback to put into the table of protocols in place of `Callback`:
///
///     {"chat", wsclose::tracked<callback_chat, &session::ws>, sizeof(session), ...}
///
/// `Member` points to the `connection` in the session; where that is inherited, name the session as
/// the third argument. `Callback` is called as ever, but that
/// - a session is constructed before its first callback and destroyed after its last, where its
///   memory is lws'; before and after, `user` is null;
/// - the peer's Close frame is checked and answered; `Callback` sees those that keep the rules, and
///   what it returns for them is ignored;
/// - `session.on_close(const close_report &)`, where there is one, is called once for each
///   WebSocket connection, or attempt of a client's at one, when it is over, before the last callback;
/// - what `Callback` leaves through lws_close_reason() as it returns nonzero is a close as by `connection::close()`;
/// - once the connection is closing, data, writeable events and LWS_CALLBACK_TIMER do not reach `Callback`.
template <lws_callback_function *Callback, auto Member,
          class Session = typename detail::member_of<decltype(Member)>::type>
int tracked(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    constexpr lws_callback_function *adapter = &tracked<Callback, Member, Session>;
    const detail::meaning            means   = detail::meaning_of(reason);
    if (detail::lacks_session(wsi, means, user, adapter))
        return -1;
    if (!detail::is_session(wsi, user, adapter)) // a `user` at the end is another's
        return Callback(wsi, reason, reason == LWS_CALLBACK_WSI_DESTROY ? nullptr : user, in, len);

    Session        *self = static_cast<Session *>(user);
    detail::tracker track(self->*Member, wsi);
    if (!track.alive()) {
        if (means.begins == detail::beginning::no)
            return Callback(wsi, reason, nullptr, in, len);
        if (!detail::begin_session<Session>(track, wsi, user, means))
            return -1;
    }

    const detail::ending ending = track.end(means.what, in, len);
    if (ending == detail::ending::none) {
        const detail::decision decision = track.before(means.what, in, len);
        if (!decision.pass)
            return decision.result;
        const int result = Callback(wsi, reason, user, in, len);
        return lws_wsi_user(wsi) == user ? track.after(means.what, result) : result; // else the session is gone
    }

    const bool ours = track.destroyed_by_adapter();
    if constexpr (detail::is_told<Session>()) {
        if (ending == detail::ending::reported) {
            const close_report report = (self->*Member).report(); // on_close may connect anew, and fail at once
            self->on_close(report);
        }
    }
    const int result = Callback(wsi, reason, user, in, len); // a session of the user's own may be gone after this
    if (ours) {
        self->~Session();
        std::memset(user, 0, sizeof(Session));
    } else {
        lws_set_wsi_user(wsi, nullptr);
    }
    return result;
}

} // namespace wsclose

#endif // WSCLOSE_LWS_TRACKED_HPP_INCLUDED
