// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_EVIDENCE_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_EVIDENCE_HPP_INCLUDED

// What a connection that begins to end shows of why.

#include <libwebsockets.h>

#include <wsclose/close_report.hpp>
#include <wsclose/lws/detail/verdict.hpp>
#include <wsclose/lws/detail/wsi.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

/// What counts if `known` does not name a cause yet.
inline evidence gather_evidence(lws *wsi, const close_report &known) noexcept {
    evidence seen;
    if (has_close_reason(wsi))
        seen.frame = is_prepared_by_lws(prepared_body(wsi)) ? prepared::by_lws : prepared::by_program;
    if (known.cause() != cause::unknown && seen.frame == prepared::nothing) // the rest costs system calls
        return seen;
    seen.context_is_destroyed = is_being_destroyed(lws_get_context(wsi));
    seen.transport            = tcp_state(wsi);
    if (seen.transport == tcp::whole) { // otherwise the rest does not matter
        seen.layer_may_have_ended = layer_may_have_ended(wsi);
        seen.takes_nothing        = takes_nothing(wsi);
        seen.ignored_ping         = known.initiator() != initiator::peer && ignored_ping(wsi); // it may fall silent
    }
    return seen;
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_EVIDENCE_HPP_INCLUDED
