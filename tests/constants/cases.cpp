// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Constant frames in every place where a program may have one. check.py looks at what the compiler
// makes of them, and that it would notice if they were MADE_AT_RUN_TIME.

#include <string_view>

#include <wsclose.hpp>

using wsclose::close_code;

void take(const wsclose::close_frame &);

#ifdef MADE_AT_RUN_TIME
extern close_code                 code;
extern const std::string_view     text; // "0 namespace", but the compiler does not know
extern const wsclose::close_frame at_namespace_scope;
const wsclose::close_frame        at_namespace_scope = wsclose::close_frame::fit(code, text);
#else
extern const wsclose::close_frame     at_namespace_scope;
const wsclose::close_frame            at_namespace_scope = wsclose::frame<close_code::going_away>("0 namespace");
extern const wsclose::close_frame     by_macro;
const wsclose::close_frame            by_macro    = WSCLOSE_FRAME(close_code::going_away, "1 macro");
inline constexpr wsclose::close_frame in_a_header = wsclose::frame<close_code::going_away>("2 header");

void take_from_a_header() { take(in_a_header); }

void take_a_static() {
    static constexpr wsclose::close_frame local = wsclose::frame<close_code::going_away>("3 static");
    take(local);
}

void take_a_static_by_macro() {
    static const wsclose::close_frame local = WSCLOSE_FRAME(close_code::going_away, "4 static");
    take(local);
}

void take_a_local() {
    constexpr wsclose::close_frame local = wsclose::frame<close_code::going_away>("5 local");
    take(local);
}

void take_by_macro() { take(WSCLOSE_FRAME(close_code::going_away, "6 copied")); }

wsclose::close_frame return_by_macro() { return WSCLOSE_FRAME(close_code::going_away, "7 copied"); }

#    if WSCLOSE_HAS_CONSTEVAL
void                 take_a_temporary() { take(wsclose::frame<close_code::going_away>("8 copied")); }

void take_a_literal() { take({close_code::going_away, "9 copied"}); }
#    endif
#endif
