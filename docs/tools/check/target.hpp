// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DOCS_TOOLS_CHECK_TARGET_HPP_INCLUDED
#define WSCLOSE_DOCS_TOOLS_CHECK_TARGET_HPP_INCLUDED

// The program under check: a server that we connect to, or a client that connects to us, time and again.

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <wsclose.hpp>

#include "support/raw_peer.hpp"

namespace check {

/// What the command line asks for.
struct options {
    std::string              url;    // of a server
    std::string              listen; // [ADDRESS:]PORT, for a client
    bool                     tls = false;
    std::string              protocol; // subprotocol; empty: none, or a client's first
    std::string              origin;
    std::vector<std::string> headers;
    std::string              text    = "hello";
    std::string              only    = "";
    double                   timeout = 6;  // seconds for one situation, longer than the 5 s of lws
    double                   wait    = 30; // seconds until a client has to be back
    bool                     json    = false;
};

/// Why no WebSocket could be opened, in one line.
class no_websocket : public std::runtime_error {
public:
    no_websocket(const std::string &why, bool is_alive) : std::runtime_error(why), is_alive_(is_alive) {}

    /// Whether the program runs: it answered, but not with a WebSocket.
    bool is_alive() const { return is_alive_; }

private:
    bool is_alive_;
};

class target {
public:
    virtual ~target() = default;

    wsclose::role      role() const { return role_; }
    const std::string &name() const { return name_; } ///< its URL, or that at which it finds us

    /// The next WebSocket. `holds_back`: our 101 waits for the first frame. Throws `no_websocket`.
    virtual test::raw_peer open(bool holds_back) = 0;

    virtual std::string notes() const { return {}; } ///< what else is to be said of the last WebSocket

protected:
    target(wsclose::role role, std::string name) : role_(role), name_(std::move(name)) {}

private:
    wsclose::role role_;
    std::string   name_;
};

/// Throws std::invalid_argument if the URL or the address makes no sense.
std::unique_ptr<target> make_target(const options &asked);

} // namespace check

#endif // WSCLOSE_DOCS_TOOLS_CHECK_TARGET_HPP_INCLUDED
