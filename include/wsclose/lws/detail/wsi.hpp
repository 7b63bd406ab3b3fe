// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_DETAIL_WSI_HPP_INCLUDED
#define WSCLOSE_LWS_DETAIL_WSI_HPP_INCLUDED

// What lws does and its documentation does not say, and what differs between its versions. The measurements are in
// docs/lws-behaviour.md.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <libwebsockets.h>

#include <wsclose/close_frame.hpp>
#include <wsclose/lws/detail/socket.hpp>

WSCLOSE_BEGIN_NAMESPACE
namespace detail {

// ---- what lws says

/// LWS_CALLBACK_CLIENT_HTTP_REDIRECT. lws 4.0 does not have it.
inline constexpr auto client_http_redirect = static_cast<lws_callback_reasons>(104);

/// LWS_CALLBACK_CONNECTING: a client begins to connect TCP. lws 4.0 and 4.1 do not have it.
inline constexpr auto client_connecting = static_cast<lws_callback_reasons>(105);

/// Whether a client's connection is not to become a WebSocket: it was given a method, such as GET or RAW. lws keeps
/// that with the headers to send.
inline bool is_plain_request(lws *wsi) noexcept { return lws_hdr_total_length(wsi, _WSI_TOKEN_CLIENT_METHOD) > 0; }

/// Whether lws drops the protocol because the connection ends. `in` names the function that drops it: either one
/// that closes, or one that binds another protocol and frees the session without a further callback.
inline bool drops_for_good(const void *in) noexcept {
    return in && std::strstr(static_cast<const char *>(in), "close") != nullptr;
}

/// A text from lws. Some lengths include the terminating NUL.
inline std::string_view text_of(const void *in, std::size_t len) noexcept {
    std::string_view result(static_cast<const char *>(in), in ? len : 0);
    while (!result.empty() && result.back() == '\0')
        result.remove_suffix(1);
    return result;
}

/// Whether lws_context_destroy() is under way. Always false before 4.2, which does not expose it.
#if LWS_LIBRARY_VERSION_MAJOR > 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR >= 2)
inline constexpr bool tells_of_destruction = true;
inline bool is_being_destroyed(lws_context *context) noexcept { return lws_context_is_being_destroyed(context) != 0; }
#else
inline constexpr bool tells_of_destruction = false;
inline bool           is_being_destroyed(lws_context *) noexcept { return false; }
#endif

/// Whether the last frame received was a Close frame. Always false before 4.4, which does not expose it.
inline bool close_came_last([[maybe_unused]] lws *wsi) noexcept {
#if LWS_LIBRARY_VERSION_MAJOR > 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR >= 4)
    return lws_get_opcode(wsi) == 8 && lws_remaining_packet_payload(wsi) == 0;
#else
    return false;
#endif
}

// ---- the frame that lws_close_reason() prepares

/// Whether lws_close_reason() was called, by the program or by lws itself. lws sends that frame when it ends
/// the connection, and nothing can take it back.
inline bool has_close_reason(lws *wsi) noexcept { return lws_get_close_length(wsi) > 0; }

/// Its body: at least two bytes, not checked.
inline std::string_view prepared_body(lws *wsi) noexcept {
    return {reinterpret_cast<const char *>(lws_get_close_payload(wsi)),
            static_cast<std::size_t>(lws_get_close_length(wsi))};
}

/// Whether lws itself prepared that frame: it fails connections with these words alone, and with 1002 or 1007.
inline bool is_prepared_by_lws(std::string_view body) noexcept {
    const close_code code = code_in(body.data());
    body.remove_prefix(2);
    if (code == close_code::protocol_error || code == close_code::invalid_payload)
        for (const std::string_view words : {"bad cont", "bad fin", "bad opc", "bad utf8", "client unmasked",
                                             "frag ctl", "partial utf8", "rsv bits", "srv mask"})
            if (body == words)
                return true;
    return false;
}

/// That frame, made valid.
inline close_frame prepared_frame(lws *wsi, role sender) noexcept {
    std::string_view body = prepared_body(wsi);
    const close_code code = code_in(body.data());
    body.remove_prefix(2);
    return close_frame::fit(code, body, sender);
}

// ---- what lws is told

/// `result` of a callback, so that lws ends the connection if it is not 0. After 5.0, lws takes -1 from its writeable
/// callback for "the connection is freed already", and leaves it open. Every version ends it for 1.
inline int result_for_lws(lws_callback_reasons reason, int result) noexcept {
    const bool is_writeable = reason == LWS_CALLBACK_SERVER_WRITEABLE || reason == LWS_CALLBACK_CLIENT_WRITEABLE;
    return result < 0 && is_writeable ? 1 : result;
}

// ---- writing

/// Whether permessage-deflate compresses what this connection sends. Only while the WebSocket is open.
inline bool compresses(lws *wsi) noexcept {
    return lws_set_extension_option(wsi, "permessage-deflate", nullptr, nullptr) == 0;
}

/// Whether lws holds data for this connection, or for others on its socket.
inline bool holds_data(lws *wsi) noexcept {
    return lws_partial_buffered(wsi) || lws_partial_buffered(lws_get_network_wsi(wsi));
}

/// Makes lws take what permessage-deflate holds back of a message. lws would compress the next write, whatever it is,
/// into that message. Returns false if nothing must be written now.
///
/// lws does not expose what is held back. If it holds nothing else and the socket has room, its pipe is choked by that
/// alone. Otherwise nothing says when all is taken, so as many parts as a message of 4 MiB has are asked for, instead
/// of 64 MiB. A part is 1 KiB, unless the program has set another size.
inline bool take_compressed_output(lws *wsi) noexcept {
    for (int left = 64 << 10; left > 0;) {
        if (!lws_send_pipe_choked(wsi))
            return true;
        const bool holds = holds_data(wsi);
        if (holds && is_stream(wsi)) // it must not write now
            return false;
        left -= holds || !socket_takes_more(wsi) ? 16 : 1;
        if (lws_write(wsi, nullptr, 0, LWS_WRITE_RAW) < 0)
            return false;
    }
    return true;
}

/// Writes `frame` behind data that lws holds. After two such writes lws leaves out the header of the next frame,
/// so this frame brings its own.
inline bool write_behind_data(lws *wsi, const close_frame &frame, role sender) noexcept {
    unsigned char       buffer[LWS_PRE + 2 + 4 + max_body_size];
    unsigned char      *out     = buffer + LWS_PRE;
    unsigned char       mask[4] = {};
    const unsigned char size    = static_cast<unsigned char>(frame.size());
    *out++                      = 0x88;
    if (sender == role::server) {
        *out++ = size;
    } else {
        *out++ = static_cast<unsigned char>(0x80 | size);
        lws_get_random(lws_get_context(wsi), mask, sizeof mask);
        for (const unsigned char byte : mask)
            *out++ = byte;
    }
    for (std::size_t i = 0; i < size; ++i)
        *out++ = static_cast<unsigned char>(frame.data()[i]) ^ mask[i % 4];
    return lws_write(wsi, buffer + LWS_PRE, static_cast<std::size_t>(out - buffer) - LWS_PRE, LWS_WRITE_RAW) >= 0;
}

/// Writes `frame` as a Close frame, behind everything that lws holds for this connection. Returns false if the
/// connection is unusable.
///
/// 4 is LWS_WRITE_CLOSE, which lws declares in a private header. It is the one value that the public enum leaves
/// out, in every version from 4.0 to 5.0. lws compares it exactly, so it cannot be combined with flags.
inline bool write_close_frame(lws *wsi, const close_frame &frame, role sender) noexcept {
    if (compresses(wsi) && !take_compressed_output(wsi))
        return false;
    if (lws_partial_buffered(wsi) && !is_stream(wsi))
        return write_behind_data(wsi, frame, sender);
    unsigned char buffer[LWS_PRE + max_body_size];
    std::memcpy(buffer + LWS_PRE, frame.data(), frame.size());
    constexpr auto lws_write_close = static_cast<lws_write_protocol>(4);
    return lws_write(wsi, buffer + LWS_PRE, frame.size(), lws_write_close) >= 0;
}

/// As `write_close_frame`. Also returns false if nobody took the frame: after lws has flushed a connection, it accepts
/// writes but sends nothing.
inline bool write_taken_close_frame(lws *wsi, const close_frame &frame, role sender) noexcept {
    const std::uint64_t before = bytes_taken(wsi);
    return write_close_frame(wsi, frame, sender) &&
           (lws_partial_buffered(wsi) || is_stream(wsi) || before == 0 || bytes_taken(wsi) != before);
}

/// The last frame of this connection was written: the one that lws has prepared does not follow. (On a stream of
/// HTTP/2, which shares its socket, it may.)
inline void withhold_prepared_frame(lws *wsi) noexcept {
    if (has_close_reason(wsi) && !lws_partial_buffered(wsi) && !is_stream(wsi))
        shut_sending_side(wsi); // if lws still holds data, it flushes that and sends no frame of its own
}

/// Writes `frame` as the last frame of this connection.
inline bool write_last_close_frame(lws *wsi, const close_frame &frame, role sender) noexcept {
    if (!write_close_frame(wsi, frame, sender))
        return false;
    withhold_prepared_frame(wsi);
    return true;
}

/// As `write_taken_close_frame`, while lws ends the connection. Also returns false if the kernel did not take all of
/// it: lws will not flush again.
inline bool write_while_ending(lws *wsi, const close_frame &frame, role sender) noexcept {
    if (lws_partial_buffered(wsi) || !socket_takes_more(wsi)) // lws would keep the frame
        return false;
    return write_taken_close_frame(wsi, frame, sender) && !lws_partial_buffered(wsi);
}

} // namespace detail
WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_DETAIL_WSI_HPP_INCLUDED
