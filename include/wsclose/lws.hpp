// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_HPP_INCLUDED
#define WSCLOSE_LWS_HPP_INCLUDED

// The core and the whole binding to libwebsockets, except <wsclose/lws/cross_thread.hpp>, which needs threads.

#include <wsclose.hpp>

#include <wsclose/lws/close.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/connection_list.hpp>
#include <wsclose/lws/drain.hpp>
#include <wsclose/lws/log.hpp>
#include <wsclose/lws/reconnect.hpp>
#include <wsclose/lws/refuse.hpp>
#include <wsclose/lws/timer.hpp>
#include <wsclose/lws/tracked.hpp>

#endif // WSCLOSE_LWS_HPP_INCLUDED
