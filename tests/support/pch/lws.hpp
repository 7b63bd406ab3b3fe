// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Compiled once for all sources of a test program on lws, to save time.

#include <libwebsockets.h>

#include "support/pch/core.hpp"
