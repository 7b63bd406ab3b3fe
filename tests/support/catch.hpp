// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_CATCH_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_CATCH_HPP_INCLUDED

// Catch2 3, or 2.13 if the distribution has that.

#if __has_include(<catch2/catch_all.hpp>)
#    include <catch2/catch_all.hpp>
#else
#    include <catch2/catch.hpp>
#endif

#endif // WSCLOSE_TESTS_SUPPORT_CATCH_HPP_INCLUDED
