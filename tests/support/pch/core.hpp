// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Compiled once for all sources of a test program, to save time. That a header of wsclose includes what it needs shows
// where it is compiled alone.

#include "support/catch.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
