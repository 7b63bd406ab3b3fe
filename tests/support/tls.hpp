// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_TLS_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_TLS_HPP_INCLUDED

// A self-signed certificate for localhost and 127.0.0.1, made when a test first asks for it, and TLS
// for a socket that blocks. By OpenSSL, whose headers a libwebsockets on another library cannot stand.

#include <cstddef>
#include <memory>
#include <string>

#include <sys/types.h>

namespace test {

/// A certificate and its key, in two files that go when the program ends.
class certificate {
public:
    static const certificate &self_signed();
    certificate(const certificate &)            = delete;
    certificate &operator=(const certificate &) = delete;
    ~certificate();

    std::string cert_file() const { return folder_ + "/cert.pem"; }
    std::string key_file() const { return folder_ + "/key.pem"; }

private:
    certificate();

    std::string folder_;
};

/// TLS on a connected socket; the server shows the certificate, the client trusts any.
class tls {
public:
    tls(int fd, bool is_server);
    tls(const tls &)            = delete;
    tls &operator=(const tls &) = delete;
    ~tls();

    bool    has_more() const;
    ssize_t send(const char *bytes, std::size_t size);

    /// As ::recv(): 0 where the stream ended in order, -1 with EAGAIN where what came was no data.
    ssize_t receive(char *bytes, std::size_t size);

    void send_fin();

private:
    struct openssl;
    std::unique_ptr<openssl> impl_;
};

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_TLS_HPP_INCLUDED
