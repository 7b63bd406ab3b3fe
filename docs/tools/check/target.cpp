// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "target.hpp"

#include <chrono>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <netdb.h>

#include "http.hpp"

namespace check {
namespace {

    using test::raw_peer;
    using test::socket_handle;
    using test::transport;

    // ---- sockets ----

    struct addresses {
        addrinfo *first = nullptr;

        addresses(const authority &where, int flags) {
            addrinfo hints{};
            hints.ai_socktype = SOCK_STREAM;
            hints.ai_flags    = flags;
            const int error   = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &first);
            if (error != 0)
                throw no_websocket("the host " + where.host + " is not known: " + ::gai_strerror(error), false);
        }
        addresses(const addresses &)            = delete;
        addresses &operator=(const addresses &) = delete;
        ~addresses() {
            if (first)
                ::freeaddrinfo(first);
        }
    };

    /// Gives every wait within the kernel a limit.
    void set_limit(int fd) {
        timeval limit{};
        limit.tv_sec = static_cast<time_t>(patience);
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }

    socket_handle connect(const authority &where) {
        const addresses found(where, 0);
        int             error = 0;
        for (const addrinfo *at = found.first; at; at = at->ai_next) {
            socket_handle socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
            set_limit(socket.get()); // of connect() too
            if (::connect(socket.get(), at->ai_addr, at->ai_addrlen) == 0)
                return socket;
            error = errno;
        }
        const std::string place = where.host + " port " + where.port;
        if (error == ECONNREFUSED)
            throw no_websocket("nothing listens on " + place, false);
        throw no_websocket("no connection to " + place + ": " +
                               (error == EINPROGRESS ? "no answer in time" : std::strerror(error)),
                           false);
    }

    // ---- a server under check ----

    class server : public target {
    public:
        server(const options &asked, bool tls, authority where, std::string path)
            : target(wsclose::role::server, asked.url), asked_(asked), tls_(tls), where_(std::move(where)),
              path_(std::move(path)) {}

        raw_peer open(bool) override {
            socket_handle     socket = connect(where_);
            const bool        number = where_.host.find_first_not_of("0123456789.") == std::string::npos;
            const std::string name   = number || where_.host.find(':') != std::string::npos ? "" : where_.host;
            raw_peer          peer   = over_tls_or_not(std::move(socket), name);
            peer.send(request());
            const std::string head = read_head(peer);
            judge(head, peer.end());
            return peer;
        }

        std::string notes() const override { return notes_; }

    private:
        raw_peer over_tls_or_not(socket_handle socket, const std::string &name) const {
            try {
                return raw_peer::over(std::move(socket), raw_peer::side::client, tls_ ? transport::tls : transport::tcp,
                                      name);
            } catch (const std::runtime_error &) {
                throw no_websocket("no TLS with " + where_.host + " port " + where_.port + "; is it ws:// ?", true);
            }
        }

        std::string request() const {
            const bool  v6   = where_.host.find(':') != std::string::npos;
            std::string host = v6 ? "[" + where_.host + "]" : where_.host;
            if (where_.port != (tls_ ? "443" : "80"))
                host += ":" + where_.port;
            std::string out = "GET " + path_ + " HTTP/1.1\r\nHost: " + host +
                              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
            if (!asked_.protocol.empty())
                out += "Sec-WebSocket-Protocol: " + asked_.protocol + "\r\n";
            if (!asked_.origin.empty())
                out += "Origin: " + asked_.origin + "\r\n";
            for (const std::string &one : asked_.headers)
                out += one + "\r\n";
            return out + "\r\n";
        }

        /// Throws if this is not what RFC 6455 section 4.1 asks of a server's answer.
        void judge(const std::string &head, test::stream_end end) {
            if (head.find("\r\n\r\n") == std::string::npos || head.compare(0, 5, "HTTP/") != 0) {
                const char *how = end == test::stream_end::never ? "sends no HTTP response in time"
                                                                 : "ends TCP without an HTTP response";
                throw no_websocket(std::string("not a WebSocket server: it ") + how +
                                       (head.empty() ? "" : ", but \"" + first_line(head) + '"') +
                                       (tls_ ? "" : "; is it wss:// ?") +
                                       (asked_.protocol.empty() ? "" : " Does it know the subprotocol?"),
                                   !head.empty());
            }
            if (head.find(" 101 ") > head.find('\r')) {
                const auto location = header(head, "Location");
                throw no_websocket("not a WebSocket at " + path_ + ": the server answers " + first_line(head) +
                                       (location ? ", Location: " + first_line(*location) : ""),
                                   true);
            }
            if (header(head, "Sec-WebSocket-Accept").value_or("") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
                throw no_websocket("not a WebSocket server: Sec-WebSocket-Accept in its 101 is wrong", true);
            if (header(head, "Sec-WebSocket-Extensions"))
                throw no_websocket("the server agrees to an extension that was not offered (4.1: fail)", true);
            const std::string chosen = header(head, "Sec-WebSocket-Protocol").value_or("");
            if (!chosen.empty() && chosen != asked_.protocol)
                throw no_websocket("wrong subprotocol: the server chose \"" + first_line(chosen) + "\", " +
                                       (asked_.protocol.empty() ? "and none was offered"
                                                                : "and \"" + asked_.protocol + "\" was offered"),
                                   true);
            notes_ = chosen == asked_.protocol
                         ? ""
                         : "the server chose no subprotocol, although \"" + asked_.protocol + "\" was offered";
        }

        const options &asked_;
        bool           tls_;
        authority      where_;
        std::string    path_, notes_;
    };

    // ---- a client under check ----

    const char *const page = "<!doctype html><title>wsclose check</title><p>This page connects again and again.\n"
                             "<script>\n"
                             "function connect() {\n"
                             "  const socket = new WebSocket(location.href.replace('http', 'ws'))\n"
                             "  socket.onclose = () => setTimeout(connect, 20)\n"
                             "}\n"
                             "connect()\n"
                             "</script>\n";

    class client : public target {
    public:
        client(const options &asked, socket_handle socket, const std::string &url)
            : target(wsclose::role::client, url), asked_(asked), listening_(std::move(socket)) {}

        raw_peer open(bool holds_back) override {
            const auto begin = std::chrono::steady_clock::now();
            for (;;) {
                const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
                pollfd       waiting{listening_.get(), POLLIN, 0};
                if (passed > asked_.wait ||
                    ::poll(&waiting, 1, static_cast<int>((asked_.wait - passed) * 1000) + 1) != 1)
                    throw no_websocket("no client came within " + std::to_string(static_cast<int>(asked_.wait)) +
                                           " s (--wait)",
                                       false);
                socket_handle socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                set_limit(socket.get());
                if (auto peer = upgrade(std::move(socket), holds_back))
                    return std::move(*peer);
            }
        }

    private:
        /// The WebSocket; nothing if it is a browser that asks for the page, or nobody who makes sense.
        std::optional<raw_peer> upgrade(socket_handle socket, bool holds_back) const try {
            raw_peer peer =
                raw_peer::over(std::move(socket), raw_peer::side::server, asked_.tls ? transport::tls : transport::tcp);
            const std::string head = read_head(peer);
            const auto        key  = header(head, "Sec-WebSocket-Key");
            if (!key) {
                answer_http(peer, head);
                return std::nullopt;
            }
            const std::string offered  = header(head, "Sec-WebSocket-Protocol").value_or("");
            const std::string protocol = choose(offered);
            peer.hold_back(holds_back);
            peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: " +
                      raw_peer::accept_key(head) + (protocol.empty() ? "" : "\r\nSec-WebSocket-Protocol: " + protocol) +
                      "\r\n\r\n");
            return peer;
        } catch (const no_websocket &) {
            throw;
        } catch (const std::runtime_error &) { // no TLS
            return std::nullopt;
        }

        std::string choose(const std::string &offered) const {
            if (asked_.protocol.empty())
                return offered.substr(0, offered.find_first_of(", "));
            if ((", " + offered + ",").find(" " + asked_.protocol + ",") == std::string::npos)
                throw no_websocket("wrong subprotocol: the client offers " +
                                       (offered.empty() ? "none" : "\"" + first_line(offered) + '"') + ", not \"" +
                                       asked_.protocol + '"',
                                   true);
            return asked_.protocol;
        }

        static void answer_http(raw_peer &peer, const std::string &head) {
            const bool wanted = head.compare(0, 6, "GET / ") == 0;
            peer.send(std::string(wanted ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found") +
                      "\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + (wanted ? page : ""));
            peer.send_fin();
            peer.read_for(1000);
        }

        const options &asked_;
        socket_handle  listening_;
    };

    std::unique_ptr<target> listen(const options &asked) {
        const bool      only_port = asked.listen.find(':') == std::string::npos;
        const authority where     = read_authority(only_port ? "127.0.0.1:" + asked.listen : asked.listen, "", "");
        const addresses found(where, AI_PASSIVE);
        socket_handle   socket(::socket(found.first->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int       on = 1;
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (::bind(socket.get(), found.first->ai_addr, found.first->ai_addrlen) != 0 || ::listen(socket.get(), 16) != 0)
            throw no_websocket("cannot listen on " + where.host + " port " + where.port + ": " + std::strerror(errno) +
                                   "; choose another port, or 0 for a free one",
                               false);
        sockaddr_storage bound{};
        socklen_t        size = sizeof bound;
        char             port[8];
        ::getsockname(socket.get(), reinterpret_cast<sockaddr *>(&bound), &size);
        ::getnameinfo(reinterpret_cast<sockaddr *>(&bound), size, nullptr, 0, port, sizeof port, NI_NUMERICSERV);
        const bool v6 = where.host.find(':') != std::string::npos;
        return std::make_unique<client>(asked, std::move(socket),
                                        std::string(asked.tls ? "wss://" : "ws://") + (v6 ? "[" : "") + where.host +
                                            (v6 ? "]:" : ":") + port + "/");
    }

} // namespace

std::unique_ptr<target> make_target(const options &asked) {
    if (!asked.listen.empty())
        return listen(asked);
    const std::size_t scheme = asked.url.find("://");
    const bool        tls    = asked.url.compare(0, 6, "wss://") == 0;
    if (!tls && asked.url.compare(0, 5, "ws://") != 0)
        throw std::invalid_argument("\"" + asked.url + "\" is no URL of a WebSocket: ws://HOST:PORT/PATH or wss://...");
    const std::string rest  = asked.url.substr(scheme + 3);
    const std::size_t slash = rest.find_first_of("/?");
    std::string       path  = slash == std::string::npos ? "/" : rest.substr(slash);
    if (path[0] == '?')
        path.insert(0, "/");
    if (rest.find_first_of("#@ \r\n") != std::string::npos)
        throw std::invalid_argument("the URL of a WebSocket has no #, @ or space; for a user and a password use "
                                    "--header 'Authorization: Basic ...'");
    return std::make_unique<server>(asked, tls, read_authority(rest.substr(0, slash), "localhost", tls ? "443" : "80"),
                                    path);
}

} // namespace check
