// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_ATTEMPT_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_ATTEMPT_HPP_INCLUDED

// Why a client's attempt to connect failed, as far as lws tells.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_handshake.hpp>
#include <wsclose/close_report.hpp>

namespace wsclose::detail {

inline failed_attempt examine_attempt(lws *wsi, std::string_view error, bool is_upgrading) noexcept {
    failed_attempt attempt{error};
    (void)wsi;
    (void)is_upgrading;
    return attempt;
}

} // namespace wsclose::detail

#endif // WSCLOSE_LWS_DETAIL_ATTEMPT_HPP_INCLUDED
