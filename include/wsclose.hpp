// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_HPP_INCLUDED
#define WSCLOSE_HPP_INCLUDED

// The whole core: how WebSocket connections end, as values without I/O.

#include <wsclose/advice.hpp>
#include <wsclose/close_code.hpp>
#include <wsclose/close_frame.hpp>
#include <wsclose/close_handshake.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/format.hpp>
#include <wsclose/log_limiter.hpp>
#include <wsclose/named.hpp>
#include <wsclose/reconnect.hpp>
#include <wsclose/relay.hpp>
#include <wsclose/severity.hpp>
#include <wsclose/utf8.hpp>

#endif // WSCLOSE_HPP_INCLUDED
