// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The storm with lws alone. Both ways to do it check the peer's Close frame, answer it as RFC 6455
// asks, remember the frames of both directions and tell of each ending once. They close
// - with STORM_BY_HAND 0, by lws_close_reason(), the documented way. lws keeps the peer's answer to
//   itself, so that one is neither checked nor known. LWS_TO_KILL_SYNC, which takes it from there, is
//   the one documented call that closes from outside the connection's callback and has a client, too,
//   wait for the answer.
// - with STORM_BY_HAND 1, by writing the frame in the writeable callback: all that there is to know
//   gets known, and the wire is the same as with wsclose, with its limits of time. It needs a value
//   that lws does not publish.
// Left out, since no connection here needs it: who ended the connection, what lws ends by itself,
// endings by lws_close_reason() beside these, data that is not written yet or still comes in, invalid
// codes and texts of the program, HTTP/2, other event loops than lws' own.

#include <cstddef>
#include <cstring>
#include <string_view>

#include <libwebsockets.h>

#include "storm.hpp"

static constexpr bool by_hand = STORM_BY_HAND;

struct close_body {
    unsigned char bytes[125];
    unsigned char size;

    void assign(const void *from, std::size_t length) {
        std::memcpy(bytes, from, length);
        size = static_cast<unsigned char>(length);
    }
    std::string_view view() const { return {reinterpret_cast<const char *>(bytes), size}; }
};

struct session { // lws zeroes it
    lws_dll2_t listed;
    lws       *wsi;
    close_body sent, received;
    bool       asked, out; // for a Close frame by the program; a Close frame
};

static lws_dll2_owner_t servers, clients;

static bool is_utf8(const unsigned char *at, const unsigned char *end) {
    while (at != end) {
        const unsigned char first = *at++;
        if (first < 0x80)
            continue;
        const int more = first >= 0xC2 && first < 0xE0 ? 1 : (first & 0xF0) == 0xE0 ? 2 : first - 0xF0u <= 4 ? 3 : 0;
        if (more == 0 || end - at < more)
            return false;
        const unsigned char low  = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        if (*at < low || *at > high)
            return false;
        for (int i = 1; i < more; ++i)
            if ((at[i] & 0xC0) != 0x80)
                return false;
        at += more;
    }
    return true;
}

/// What is to be answered to a Close frame: 0, itself; otherwise the code of a new one.
static int violation(const unsigned char *body, std::size_t size) {
    if (size == 0)
        return 0;
    const int  code = size == 1 ? 0 : body[0] << 8 | body[1];
    const bool ok   = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
                    (code >= 3000 && code <= 4999);
    return !ok || size > 125 ? 1002 : is_utf8(body + 2, body + size) ? 0 : 1007;
}

static bool write_close(lws *wsi, session &s) {
    unsigned char buffer[LWS_PRE + sizeof s.sent.bytes];
    std::memcpy(buffer + LWS_PRE, s.sent.bytes, s.sent.size);
    s.out = lws_write(wsi, buffer + LWS_PRE, s.sent.size, static_cast<lws_write_protocol>(4)) >= 0;
    return s.out;
}

static int receive_close(lws *wsi, session &s, const unsigned char *body, std::size_t size) {
    const int answer = violation(body, size);
    if (answer == 0)
        s.received.assign(body, size);
    if (s.out)
        return -1;
    if (!s.asked && answer == 0)
        s.sent = s.received;
    else if (!s.asked) {
        const unsigned char code[] = {static_cast<unsigned char>(answer >> 8), static_cast<unsigned char>(answer)};
        s.sent.assign(code, sizeof code);
    }
    if (by_hand && !lws_send_pipe_choked(wsi)) {
        write_close(wsi, s);
        return -1;
    }
    s.out = true; // lws sees to it
    if (answer == 0 && !s.asked)
        return 0;
    lws_close_reason(wsi, static_cast<lws_close_status>(s.sent.bytes[0] << 8 | s.sent.bytes[1]), s.sent.bytes + 2,
                     s.sent.size - std::size_t{2});
    return -1;
}

static int write(lws *wsi, session &s) {
    if (!s.asked || s.out)
        return 0;
    if (!write_close(wsi, s))
        return -1;
    lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_ACK, 5);
    return 0;
}

static int callback_storm(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    auto *const s = static_cast<session *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        ++storm::seen.opened;
        s->wsi = wsi;
        lws_dll2_add_tail(&s->listed, reason == LWS_CALLBACK_ESTABLISHED ? &servers : &clients);
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_CLIENT_WRITEABLE: return write(wsi, *s);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return receive_close(wsi, *s, static_cast<const unsigned char *>(in), len);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLIENT_CLOSED:
        lws_dll2_remove(&s->listed);
        storm::ended(s->out ? s->sent.view() : std::string_view(), s->received.view());
        break;
    default: break;
    }
    return 0;
}

/// From outside the connection's callback.
static void start_close(session &s, int code, std::string_view text) {
    if (s.asked || s.out)
        return;
    s.asked         = true;
    s.sent.bytes[0] = static_cast<unsigned char>(code >> 8);
    s.sent.bytes[1] = static_cast<unsigned char>(code);
    std::memcpy(s.sent.bytes + 2, text.data(), text.size());
    s.sent.size = static_cast<unsigned char>(2 + text.size());
    if constexpr (by_hand) {
        lws_set_timeout(s.wsi, PENDING_TIMEOUT_CLOSE_SEND, 5);
        lws_callback_on_writable(s.wsi);
    } else {
        s.out = true;
        lws_close_reason(s.wsi, static_cast<lws_close_status>(code), s.sent.bytes + 2, text.size());
        lws_set_timeout(s.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC); // may end `s`
    }
}

int main(int, char **arguments) {
    static const lws_protocols protocols[] = {{"storm", callback_storm, sizeof(session), 0, 0, nullptr, 0},
                                              {nullptr, nullptr, 0, 0, 0, nullptr, 0}};
    return storm::run(protocols, arguments, [](bool of_servers) {
        lws_start_foreach_dll_safe(lws_dll2_t *, node, next, lws_dll2_get_head(of_servers ? &servers : &clients)) {
            start_close(*lws_container_of(node, session, listed), storm::code, storm::text);
        }
        lws_end_foreach_dll_safe(node, next);
    });
}
