// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DOCS_TOOLS_CHECK_TEXT_HPP_INCLUDED
#define WSCLOSE_DOCS_TOOLS_CHECK_TEXT_HPP_INCLUDED

#include <string>
#include <string_view>

#include <wsclose.hpp>

namespace check {

/// Any bytes in quotes, escaped as a JSON string is; U+FFFD stands for what is not UTF-8.
inline std::string in_quotes(std::string_view bytes) {
    std::string text(3 * bytes.size() + 3, '\0'), out; // one byte may become U+FFFD
    text.resize(wsclose::utf8::sanitise(bytes, &text[0], text.size()));
    const auto sink = [&out](std::string_view piece) { out += piece; };
    wsclose::detail::write_quoted(text, sink);
    return out;
}

} // namespace check

#endif // WSCLOSE_DOCS_TOOLS_CHECK_TEXT_HPP_INCLUDED
