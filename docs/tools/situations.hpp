// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_DOCS_TOOLS_SITUATIONS_HPP_INCLUDED
#define WSCLOSE_DOCS_TOOLS_SITUATIONS_HPP_INCLUDED

// Situations in which a WebSocket connection ends, each played by a program on bare libwebsockets and
// by the same on wsclose against a raw socket on loopback: what the peer got on the wire, and what the
// program was told. `demo` shows some of them, `measure` all.

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace behaviour {

enum flavour { plain, ours };

/// The outcome of a situation. On the wire: the Close frames and what came after them, then how TCP ended if
/// not by a FIN, and when if not at once.
struct outcome {
    std::string wire, told;

    bool operator==(const outcome &other) const { return wire == other.wire && told == other.told; }
};

/// What the program does once the peer's first message is there.
enum class act {
    nothing,
    close,            ///< from the receive callback
    from_established, ///< before any message
    from_writeable,
    kill_async, ///< from a timer
    kill_sync,
    reason_only,    ///< lws_close_reason(), and goes on
    drop,           ///< no reason, -1
    drop_writeable, ///< the same from the writeable callback
    write_after,    ///< asks for a writeable callback and closes
    fill,           ///< writes until the socket takes no more; closes at the second message
};

class stage;

struct situation {
    std::string                  section, name;
    bool                         lws_is_client;
    act                          does;
    unsigned                     code;
    std::string                  text;
    std::function<void(stage &)> peer;
};

const std::vector<situation> &situations();

/// The situation with this name, with lws as client or server. Ends the program if there is none.
const situation &find(std::string_view name, bool lws_is_client);

/// Plays situations, many at a time: what came of each, by flavour.
std::vector<std::array<outcome, 2>> play(const std::vector<const situation *> &which);

} // namespace behaviour

#endif // WSCLOSE_DOCS_TOOLS_SITUATIONS_HPP_INCLUDED
