// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Endings and errors for a program that speaks std::error_code.

#include <iostream>
#include <system_error>

#include <wsclose.hpp>
#include <wsclose/error_code.hpp>

// What such a program has already: one handler for every way in which a connection ends.
static void on_end(std::error_code error) {
    if (error == wsclose::condition::clean_close)
        std::cout << "over: " << error.message() << '\n';
    else if (error == wsclose::close_code::abnormal_closure)
        std::cout << "lost: " << error.message() << '\n';
    else
        std::cout << error.category().name() << ' ' << error.value() << ": " << error.message() << '\n';
}

int main() {
    wsclose::close_handshake answered;
    answered.send(wsclose::frame<wsclose::close_code::going_away>("bye"));
    answered.receive(wsclose::close_frame::parse("\x03\xE9"));
    answered.transport_closed();
    on_end(make_error_code(answered.report())); // over: the endpoint leaves: ... (1001 going_away)

    wsclose::close_handshake silent;
    silent.send(wsclose::frame<wsclose::close_code::going_away>("bye"));
    silent.transport_closed();
    on_end(make_error_code(silent.report())); // wsclose.unclean_close 1001: not closed cleanly: ...

    on_end(make_error_code(wsclose::close_report())); // lost: the connection ended without a Close frame ...

    const std::error_code error = wsclose::close_frame::make(wsclose::close_code::normal_closure, "caf\xE9").error;
    if (error == std::errc::illegal_byte_sequence)
        std::cout << error.message() << '\n'; // the close reason is not UTF-8
}
