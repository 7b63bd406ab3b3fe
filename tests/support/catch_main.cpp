// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The main() of the test programs; Catch2 3 brings its own.

#if !__has_include(<catch2/catch_all.hpp>)
#    define CATCH_CONFIG_MAIN
#    include <catch2/catch.hpp>
#endif
