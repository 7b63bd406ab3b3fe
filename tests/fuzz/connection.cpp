// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A server or a client on a real lws, and a raw peer: the input is what the program and the peer do, and bytes that the
// peer puts on the wire. The judge of `./dev truth` holds what was on the wire against what was reported. theatre.hpp
// says how the environment chooses the transport.

#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "truth/theatre.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace truth;
    fuzz::input          in(data, size);
    const fuzz::exact    bytes  = in.text();
    const bool           framed = in.number() % 2 != 0;
    const std::uint8_t   at     = in.number();
    const std::uint8_t   seed   = in.number();
    dice                 script(in.rest().view());
    scenario             played = make_scenario(script, seed, over_http2(), with_deflate());
    const peer_action    strange{framed ? step::frame : step::bytes, 0, std::string(bytes.view())};
    const std::ptrdiff_t before = at % std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(played.peer.size()), 1);
    if (!strange.body.empty() && played.may_end_tcp) // before the last step, which may end it
        played.peer.insert(played.peer.begin() + before, strange);
    played.hurries = true;
    played.rest    = manner::answers;

    static theatre *const place = new theatre; // served by a thread of its own
    static totals         all;
    static int            number = 0;
    fuzz::must(place->play_one(number++, played, all).empty(), "what was on the wire is what was reported");
    return 0;
}
