// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// clang-tidy reads the headers through this file; see `./dev lint`.

#include <wsclose.hpp>
#include <wsclose/close_counters.hpp>
#include <wsclose/error_code.hpp>
#include <wsclose/lws.hpp>
#include <wsclose/lws/cross_thread.hpp>
#include <wsclose/typescript.hpp>
