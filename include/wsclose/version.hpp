// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_VERSION_HPP_INCLUDED
#define WSCLOSE_VERSION_HPP_INCLUDED

// The version of these headers, by semver.org. The build files read it from here.

#define WSCLOSE_VERSION_MAJOR 1 ///< grows if a program may have to change
#define WSCLOSE_VERSION_MINOR 0 ///< grows with each addition
#define WSCLOSE_VERSION_PATCH 0 ///< grows with each correction

/// The version as one number, to compare: 10203 is 1.2.3.
#define WSCLOSE_VERSION (WSCLOSE_VERSION_MAJOR * 10000 + WSCLOSE_VERSION_MINOR * 100 + WSCLOSE_VERSION_PATCH)

/// The version as text: "1.2.3".
#define WSCLOSE_VERSION_STRING                                                                                         \
    WSCLOSE_DETAIL_TEXT(WSCLOSE_VERSION_MAJOR)                                                                         \
    "." WSCLOSE_DETAIL_TEXT(WSCLOSE_VERSION_MINOR) "." WSCLOSE_DETAIL_TEXT(WSCLOSE_VERSION_PATCH)
#define WSCLOSE_DETAIL_TEXT(number) WSCLOSE_DETAIL_TEXT_OF(number)
#define WSCLOSE_DETAIL_TEXT_OF(number) #number

// All names are in an inline namespace with the whole version in its name. Two libraries that vendor different versions
// can be linked into one program: without it the linker would take one version's inline functions for both.
#define WSCLOSE_BEGIN_NAMESPACE                                                                                        \
    namespace wsclose {                                                                                                \
    inline namespace WSCLOSE_DETAIL_VERSION(WSCLOSE_VERSION_MAJOR, WSCLOSE_VERSION_MINOR, WSCLOSE_VERSION_PATCH) {
#define WSCLOSE_END_NAMESPACE                                                                                          \
    }                                                                                                                  \
    }
#define WSCLOSE_DETAIL_VERSION(major, minor, patch) WSCLOSE_DETAIL_VERSION_OF(major, minor, patch)
#define WSCLOSE_DETAIL_VERSION_OF(major, minor, patch) v##major##_##minor##_##patch

#endif // WSCLOSE_VERSION_HPP_INCLUDED
