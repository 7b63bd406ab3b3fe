// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// In place of tls.cpp, for a libwebsockets without TLS: there is a certificate for who does not use it.

#include "support/tls.hpp"

#include <stdexcept>

namespace test {

certificate::certificate(const char *, long, long) {}
certificate::~certificate() = default;

const certificate &certificate::self_signed() {
    static const certificate none("", 0, 0);
    return none;
}

struct tls::openssl {};

tls::tls(int, bool, std::string_view, const certificate &, const std::string &) {
    throw std::runtime_error("this was built without TLS");
}
tls::~tls() = default;

bool    tls::has_more() const { return false; }
ssize_t tls::send(const char *, std::size_t) { return -1; }
ssize_t tls::receive(char *, std::size_t) { return -1; }
void    tls::send_fin() {}

} // namespace test
