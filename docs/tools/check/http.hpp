// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DOCS_TOOLS_CHECK_HTTP_HPP_INCLUDED
#define WSCLOSE_DOCS_TOOLS_CHECK_HTTP_HPP_INCLUDED

// Heads of HTTP messages, and what stands in a URL.

#include <optional>
#include <stdexcept>
#include <string>

#include "support/raw_peer.hpp"
#include "text.hpp"

namespace check {

constexpr double patience = 10; // seconds for TCP, TLS and HTTP

/// The head of an HTTP message; without its end if none came.
inline std::string read_head(test::raw_peer &peer) {
    while (peer.unread().find("\r\n\r\n") == std::string::npos)
        if (!peer.read_for(static_cast<int>(patience * 1000)))
            return peer.unread();
    return peer.read_head();
}

inline std::string lower(std::string text) {
    for (char &c : text)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return text;
}

/// The value of a header; nothing if there is none.
inline std::optional<std::string> header(const std::string &head, const std::string &name) {
    const std::size_t at = lower(head).find("\r\n" + lower(name) + ":");
    if (at == std::string::npos)
        return std::nullopt;
    const std::size_t begin = head.find_first_not_of(" \t", at + name.size() + 3);
    const std::size_t end   = head.find("\r\n", at + 2);
    const std::string value = begin < end ? head.substr(begin, end - begin) : "";
    return value.substr(0, value.find_last_not_of(" \t") + 1);
}

/// The first line, without what could harm a terminal.
inline std::string first_line(const std::string &head) {
    const std::string line = in_quotes(head.substr(0, head.find_first_of("\r\n")).substr(0, 100));
    return line.substr(1, line.size() - 2);
}

struct authority {
    std::string host, port;
};

/// HOST, HOST:PORT, [IPV6]:PORT; if there is no host, `host`, and if there is no port, `port`.
inline authority read_authority(const std::string &text, const std::string &host, const std::string &port) {
    const bool        bracket = !text.empty() && text[0] == '[';
    const std::size_t closing = bracket ? text.find(']') : 0;
    if (closing == std::string::npos)
        throw std::invalid_argument("\"" + text + "\" has no ]");
    const std::size_t colon = text.find(':', closing);
    authority         result{bracket ? text.substr(1, closing - 1) : text.substr(0, colon), port};
    if (colon != std::string::npos)
        result.port = text.substr(colon + 1);
    if (result.host.empty())
        result.host = host;
    const bool digits = result.port.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || result.port.empty() || result.port.size() > 5 || std::stoi(result.port) > 65535)
        throw std::invalid_argument("\"" + result.port + "\" is no port: 0 to 65535; an IPv6 address is in [ ]");
    return result;
}

} // namespace check

#endif // WSCLOSE_DOCS_TOOLS_CHECK_HTTP_HPP_INCLUDED
