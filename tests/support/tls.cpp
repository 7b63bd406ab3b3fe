// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "support/tls.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <unistd.h>

namespace test {

namespace {
    template <auto Free>
    struct freed_by {
        template <class T>
        void operator()(T *object) const noexcept {
            Free(object);
        }
    };

    template <class Write>
    bool write(const std::string &file, Write &&content) {
        const std::unique_ptr<FILE, freed_by<std::fclose>> to(std::fopen(file.c_str(), "w"));
        return to && content(to.get()) == 1;
    }
} // namespace

namespace {
    constexpr long day         = 86400;
    constexpr char localhost[] = "DNS:localhost,IP:127.0.0.1";

    /// Nobody needs the certificates of the system. OpenSSL would read them for each context of lws, which takes longer
    /// than most tests. The programs that a test starts inherit this.
    [[maybe_unused]] const int reads_none = ::setenv("SSL_CERT_FILE", "/dev/null", 1);
} // namespace

const certificate &certificate::self_signed() {
    static const certificate made(localhost, -day, day);
    return made;
}

const certificate &certificate::expired() {
    static const certificate made(localhost, -2 * day, -day);
    return made;
}

const certificate &certificate::of_another_name() {
    static const certificate made("DNS:elsewhere.example", -day, day);
    return made;
}

certificate::certificate(const char *names, long begins, long ends) {
    std::string name = "/tmp/wsclose-test-XXXXXX";
    if (!::mkdtemp(&name[0]))
        throw std::runtime_error("no folder for a certificate could be made in /tmp");
    folder_ = name;
    const std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>> generator(
        EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
    EVP_PKEY *made = nullptr;
    EVP_PKEY_keygen_init(generator.get());
    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(generator.get(), NID_X9_62_prime256v1);
    EVP_PKEY_keygen(generator.get(), &made);
    const std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>> key(made);
    const std::unique_ptr<X509, freed_by<X509_free>>         cert(X509_new());
    X509_set_version(cert.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), begins);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), ends);
    X509_set_pubkey(cert.get(), key.get());
    X509_NAME *subject = X509_get_subject_name(cert.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char *>("test"), -1, -1, 0);
    X509_set_issuer_name(cert.get(), subject);
    const std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> alternatives(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names));
    X509_add_ext(cert.get(), alternatives.get(), -1);
    if (X509_sign(cert.get(), key.get(), EVP_sha256()) == 0 ||
        !write(key_file(),
               [&](FILE *to) { return PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); }) ||
        !write(cert_file(), [&](FILE *to) { return PEM_write_X509(to, cert.get()); }))
        throw std::runtime_error("no certificate could be made");
}

certificate::~certificate() {
    ::unlink(cert_file().c_str());
    ::unlink(key_file().c_str());
    ::rmdir(folder_.c_str());
}

struct tls::openssl {
    std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context;
    std::unique_ptr<SSL, freed_by<SSL_free>>         ssl;
};

tls::tls(int fd, bool is_server, std::string_view alpn, const certificate &own, const std::string &name)
    : impl_(std::make_unique<openssl>()) {
    std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes to sockets that the other side has closed
    SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    impl_->context.reset(context);
    if (is_server) {
        SSL_CTX_use_certificate_file(context, own.cert_file().c_str(), SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(context, own.key_file().c_str(), SSL_FILETYPE_PEM);
    }
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); // so that a wait has a limit
    SSL *ssl = SSL_new(context);
    impl_->ssl.reset(ssl);
    SSL_set_fd(ssl, fd);
    const std::string wanted = std::string(1, static_cast<char>(alpn.size())).append(alpn);
    if (!alpn.empty())
        SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char *>(wanted.data()),
                            static_cast<unsigned>(wanted.size()));
    if (!name.empty())
        SSL_set_tlsext_host_name(ssl, name.c_str());
    if ((is_server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
        throw std::runtime_error("the TLS handshake failed");
}

tls::~tls() = default;

bool    tls::has_more() const { return SSL_pending(impl_->ssl.get()) > 0; }
ssize_t tls::send(const char *bytes, std::size_t size) {
    return SSL_write(impl_->ssl.get(), bytes, static_cast<int>(size));
}

ssize_t tls::receive(char *bytes, std::size_t size) {
    ERR_clear_error(); // or SSL_get_error() speaks of an error before this
    errno         = 0;
    const int got = SSL_read(impl_->ssl.get(), bytes, static_cast<int>(size));
    if (got > 0)
        return got;
    if (SSL_get_error(impl_->ssl.get(), got) == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    return errno == ECONNRESET ? -1 : 0;
}

bool tls::has_ended() const { return (SSL_get_shutdown(impl_->ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

void tls::send_fin() {
    if (!(SSL_get_shutdown(impl_->ssl.get()) & SSL_SENT_SHUTDOWN)) // a second call would read, and stumble over data
        SSL_shutdown(impl_->ssl.get());
}

} // namespace test
