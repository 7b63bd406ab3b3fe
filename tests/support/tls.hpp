// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_TLS_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_TLS_HPP_INCLUDED

// Self-signed certificates, made when a test first asks for them, and TLS for a socket that blocks. By OpenSSL, whose
// headers a libwebsockets on another library cannot stand.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace test {

/// A certificate and its key, in two files that go when the program ends.
class certificate {
public:
    static const certificate &self_signed(); ///< for localhost and 127.0.0.1
    static const certificate &expired();     ///< for the same names
    static const certificate &of_another_name();

    certificate(const certificate &)            = delete;
    certificate &operator=(const certificate &) = delete;
    ~certificate();

    std::string cert_file() const { return folder_ + "/cert.pem"; }
    std::string key_file() const { return folder_ + "/key.pem"; }

private:
    certificate(const char *names, long begins, long ends); // in seconds from now

    std::string folder_;
};

/// What carries the bytes on a connected socket.
class layer {
public:
    virtual ~layer() = default;

    virtual bool    has_more() const                          = 0; ///< that is read already
    virtual ssize_t send(const char *bytes, std::size_t size) = 0;

    /// As ::recv(): 0 if the stream ended in order, -1 with EAGAIN if what came was no data.
    virtual ssize_t receive(char *bytes, std::size_t size) = 0;

    virtual void send_fin() = 0;

    virtual bool has_ended() const { return false; } ///< that the other side has said so, before the end of TCP
    virtual bool is_stream() const { return false; } ///< that ends and leaves its socket open
    virtual void reset() {}                          ///< such a stream
};

/// TLS on a connected socket; the server shows the certificate, the client trusts any and may ask for
/// an application protocol by ALPN, and for a server by its name (SNI).
class tls final : public layer {
public:
    tls(int fd, bool is_server, std::string_view alpn = {}, const certificate &own = certificate::self_signed(),
        const std::string &name = {});
    tls(const tls &)            = delete;
    tls &operator=(const tls &) = delete;
    ~tls() override;

    bool    has_more() const override;
    ssize_t send(const char *bytes, std::size_t size) override;
    ssize_t receive(char *bytes, std::size_t size) override;
    void    send_fin() override;
    bool    has_ended() const override;

private:
    struct openssl;
    std::unique_ptr<openssl> impl_;
};

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_TLS_HPP_INCLUDED
