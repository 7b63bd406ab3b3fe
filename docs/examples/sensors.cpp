// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Sessions of a few bytes, for a device or for very many connections: codes and no texts.

#include <libwebsockets.h>

#include <wsclose/lws.hpp>

struct session {
    wsclose::lean_connection close; // 32 bytes

    void on_close(const wsclose::close_report &report) { wsclose::log_report(report, "sensors"); }
};

static int callback_sensors(lws *, lws_callback_reasons reason, void *user, void *, size_t len) {
    session *s = static_cast<session *>(user);
    if (reason == LWS_CALLBACK_RECEIVE && len > 1000)
        s->close.start(wsclose::close_code::message_too_big);
    return 0;
}

int main() {
    const lws_protocols protocol = {
        "sensors", wsclose::tracked<callback_sensors, &session::close>, sizeof(session), 0, 0, nullptr, 0};
    return protocol.per_session_data_size <= 32 ? 0 : 1;
}
