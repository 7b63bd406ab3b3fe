// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The conformance server without wsclose: a server on bare lws as its documentation suggests, which
// obeys the same messages and reports what it can know. It is what wsclose is compared with.

#include <cstdint>
#include <cstdio>
#include <new>
#include <string>
#include <string_view>

#include <libwebsockets.h>

#include "program.hpp"

namespace {

struct session {
    conformance::messages messages;
    std::string           close_text;
    std::uint16_t         close_code = 0;
    std::string           received, sent; // as JSON
    std::uint16_t         code = 1006;
    std::string           reason;
    const char           *initiator = "transport";
};

// lws zeroes the memory of a session and knows no constructors: a pointer is what such programs keep.
struct slot {
    session *s;
};

std::string to_json(std::uint16_t code, const std::string &reason) {
    return "{\"code\":" + std::to_string(code) + ",\"reason\":\"" + reason + "\"}";
}

void prepare_close(session &s, lws *wsi, std::uint16_t code, std::string text) {
    lws_close_reason(wsi, static_cast<lws_close_status>(code), reinterpret_cast<unsigned char *>(&text[0]),
                     text.size());
    s.code      = code;
    s.reason    = text;
    s.sent      = to_json(code, text);
    s.initiator = "local";
}

int obey(session &s, lws *wsi, const conformance::command &command) {
    if (command.how == "close-soon") {
        s.close_code = command.code;
        s.close_text = command.text;
        lws_set_timer_usecs(wsi, 20 * LWS_US_PER_MS);
        return 0;
    }
    if (command.how == "close")
        prepare_close(s, wsi, command.code, std::string(command.text));
    return -1;
}

void note_peer_close(session &s, const unsigned char *in, std::size_t len) {
    s.initiator = "peer";
    s.code      = len >= 2 ? static_cast<std::uint16_t>(in[0] << 8 | in[1]) : std::uint16_t{1005};
    if (len > 2)
        s.reason.assign(reinterpret_cast<const char *>(in) + 2, len - 2);
    s.received = s.sent = to_json(s.code, s.reason);
}

int callback(lws *wsi, lws_callback_reasons reason, void *user, void *in, std::size_t len) {
    slot *place = static_cast<slot *>(user);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: place->s = new session; break;
    case LWS_CALLBACK_RECEIVE: {
        session &s = *place->s;
        if (!s.messages.receive(wsi, in, len))
            break;
        if (const auto command = conformance::to_command(s.messages.incoming()); command && !lws_frame_is_binary(wsi))
            return obey(s, wsi, *command);
        s.messages.push(s.messages.incoming(), lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
        lws_callback_on_writable(wsi);
        break;
    }
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (!place->s->messages.empty() && !place->s->messages.write_one(wsi))
            return -1;
        if (!place->s->messages.empty())
            lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_TIMER: prepare_close(*place->s, wsi, place->s->close_code, place->s->close_text); return -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: note_peer_close(*place->s, static_cast<unsigned char *>(in), len); break;
    case LWS_CALLBACK_CLOSED: {
        if (!place->s)
            break;
        const session &s = *place->s;
        conformance::print_line("{\"event\":\"closed\",\"role\":\"server\"," +
                                to_json(s.code, s.reason).substr(1, to_json(s.code, s.reason).size() - 2) +
                                ",\"clean\":" + (s.received.empty() ? "false" : "true") + ",\"initiator\":\"" +
                                s.initiator + "\",\"received\":" + (s.received.empty() ? "null" : s.received) +
                                ",\"sent\":" + (s.sent.empty() ? "null" : s.sent) + ",\"violation\":null}");
        delete place->s;
        place->s = nullptr;
        break;
    }
    default: break;
    }
    return 0;
}

const lws_protocols protocols[] = {
    {conformance::subprotocol, callback, sizeof(slot), 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

} // namespace

int main(int count, char **arguments) { return conformance::serve(protocols, count, arguments); }
