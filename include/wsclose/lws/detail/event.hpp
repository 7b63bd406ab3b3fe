// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_EVENT_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_EVENT_HPP_INCLUDED

// What each callback of lws means for a connection.

#include <cstddef>
#include <cstdint>

#include <libwebsockets.h>

#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

enum class event : std::uint8_t {
    other,       ///< nothing to wsclose: only the program sees it
    upgrading,   ///< a client's TCP and TLS are up, or the server has answered
    redirected,  ///< a server redirects the client, and lws frees its session
    established, ///< the WebSocket is open
    received,    ///< data or a pong
    writeable,
    timer,
    peer_close, ///< the peer's Close frame came in
    dropped,    ///< lws takes the protocol away, in most cases to end the connection
    failed,     ///< a client's attempt to connect failed
    ended,      ///< the connection is over
};

/// Whether a session begins with this callback, if it has not begun yet.
enum class beginning : std::uint8_t {
    no,
    memory, ///< it is constructed; its connection begins later
    server,
    client,
};

struct meaning {
    event     what : 4;
    beginning begins : 2;
};

/// Whether only an open WebSocket has this event.
constexpr bool is_of_open_websocket(event what) noexcept {
    return what == event::received || what == event::writeable || what == event::peer_close;
}

struct event_row {
    lws_callback_reasons reason;
    meaning              means;
};

/// Each reason that means something. Sessions of plain HTTP requests, RAW connections and files begin and end here too.
inline constexpr event_row events[] = {
    {LWS_CALLBACK_HTTP_BIND_PROTOCOL, {event::other, beginning::server}},
    {LWS_CALLBACK_WS_SERVER_BIND_PROTOCOL, {event::other, beginning::server}},
    {LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION, {event::other, beginning::server}},
    {LWS_CALLBACK_RAW_ADOPT, {event::other, beginning::server}},
    {LWS_CALLBACK_RAW_ADOPT_FILE, {event::other, beginning::server}},
    {LWS_CALLBACK_RAW_CONNECTED, {event::other, beginning::server}},
    {client_connecting, {event::other, beginning::memory}},
    {LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER, {event::upgrading, beginning::client}},
    {LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH, {event::upgrading, beginning::no}},
    {client_http_redirect, {event::redirected, beginning::no}},
    {LWS_CALLBACK_ESTABLISHED, {event::established, beginning::server}},
    {LWS_CALLBACK_CLIENT_ESTABLISHED, {event::established, beginning::client}},
    {LWS_CALLBACK_RECEIVE, {event::received, beginning::no}},
    {LWS_CALLBACK_CLIENT_RECEIVE, {event::received, beginning::no}},
    {LWS_CALLBACK_RECEIVE_PONG, {event::received, beginning::no}},
    {LWS_CALLBACK_CLIENT_RECEIVE_PONG, {event::received, beginning::no}},
    {LWS_CALLBACK_SERVER_WRITEABLE, {event::writeable, beginning::no}},
    {LWS_CALLBACK_CLIENT_WRITEABLE, {event::writeable, beginning::no}},
    {LWS_CALLBACK_TIMER, {event::timer, beginning::no}},
    {LWS_CALLBACK_WS_PEER_INITIATED_CLOSE, {event::peer_close, beginning::no}},
    {LWS_CALLBACK_HTTP_DROP_PROTOCOL, {event::dropped, beginning::no}},
    {LWS_CALLBACK_CLIENT_HTTP_DROP_PROTOCOL, {event::dropped, beginning::no}},
    {LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL, {event::dropped, beginning::no}},
    {LWS_CALLBACK_WS_CLIENT_DROP_PROTOCOL, {event::dropped, beginning::no}},
    {LWS_CALLBACK_CLIENT_CONNECTION_ERROR, {event::failed, beginning::client}},
    {LWS_CALLBACK_CLOSED, {event::ended, beginning::no}},
    {LWS_CALLBACK_CLIENT_CLOSED, {event::ended, beginning::no}},
    {LWS_CALLBACK_CLOSED_HTTP, {event::ended, beginning::no}},
    {LWS_CALLBACK_CLOSED_CLIENT_HTTP, {event::ended, beginning::no}},
    {LWS_CALLBACK_RAW_CLOSE, {event::ended, beginning::no}},
    {LWS_CALLBACK_RAW_CLOSE_FILE, {event::ended, beginning::no}},
    {LWS_CALLBACK_WSI_DESTROY, {event::ended, beginning::no}},
};

/// The table by reason, so that a callback costs one look-up.
struct event_index {
    meaning of[128] = {};

    constexpr event_index() noexcept {
        for (const event_row &row : events)
            of[row.reason] = row.means;
    }
};
inline constexpr event_index index_of_events;

constexpr meaning meaning_of(lws_callback_reasons reason) noexcept {
    const auto value = static_cast<std::size_t>(reason);
    static_assert(sizeof(meaning) == 1);
    return value < sizeof index_of_events.of ? index_of_events.of[value] : meaning{};
}

/// Not of lws: a client's attempt begins, of which lws itself says nothing until TCP is up. `in` is a `connection **`.
/// The last value that the enum can have.
inline constexpr auto attempt_begins = static_cast<lws_callback_reasons>(1023);

/// Whether the program sees a callback.
struct decision {
    bool pass   = true;
    int  result = 0; ///< for lws, if the program does not see it
};

/// How a callback ends a session.
enum class ending : std::uint8_t {
    none,
    silent,   ///< there was no WebSocket and no attempt to open one, so there is no report
    reported, ///< the report is final
};

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_EVENT_HPP_INCLUDED
