// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include "situation.hpp"

#include <chrono>
#include <thread>

#include "support/frame.hpp"

namespace check {
namespace {

    using clock = std::chrono::steady_clock;
    using side  = test::raw_peer::side;

    constexpr int stuck_ms  = 300; // a peer that takes nothing for that long waits for us to read
    constexpr int typing_ms = 1;   // between two bytes

    side ours(role peer) { return peer == role::server ? side::client : side::server; }
    side theirs(role peer) { return peer == role::server ? side::server : side::client; }

    std::string bytes_of(const situation &what, role peer) {
        std::string bytes;
        for (const frame_to_send &frame : what.frames)
            bytes += test::raw_peer::frame_by(frame.wrong_mask ? theirs(peer) : ours(peer), frame.first, frame.payload);
        bytes.resize(bytes.size() - what.cut);
        return bytes;
    }

    /// False if the peer takes no more, although we read.
    bool send_unread(test::raw_peer &we, std::string_view left) {
        while (we.send_some(left, stuck_ms)) {
        }
        while (!left.empty() && (we.read_for(stuck_ms) || we.send_some(left, stuck_ms))) // it may wait for us
            while (we.send_some(left, 0)) {
            }
        return left.empty();
    }

    bool send(test::raw_peer &we, role peer, const situation &what) {
        const std::string bytes = bytes_of(what, peer);
        if (what.how == delivery::unread)
            return send_unread(we, bytes);
        if (what.how != delivery::byte_by_byte)
            we.send(bytes);
        for (std::size_t i = 0; what.how == delivery::byte_by_byte && i < bytes.size(); ++i) {
            we.send(bytes.substr(i, 1));
            std::this_thread::sleep_for(std::chrono::milliseconds(typing_ms));
        }
        we.let_go(); // of the 101, if it waits
        return true;
    }

    /// Reads what comes, and does what a good peer does meanwhile.
    class reader {
    public:
        reader(test::raw_peer &we, role peer, const situation &what, double limit)
            : we_(we), peer_(peer), what_(what), limit_(limit) {
            for (const frame_to_send &frame : what.frames)
                we_closed_ = we_closed_ || ((frame.first & 0x0F) == 8 && what.cut == 0);
        }

        observation read() {
            take_frames(); // some may be there
            while (seen_.end == test::stream_end::never && now() < limit_) {
                we_.read_for(static_cast<int>((limit_ - now()) * 1000) + 1);
                seen_.end = we_.end();
                take_frames();
            }
            seen_.ended = now();
            seen_.rest  = we_.unread().substr(taken_);
            return std::move(seen_);
        }

    private:
        double now() const { return std::chrono::duration<double>(clock::now() - begin_).count(); }

        void take_frames() {
            std::string_view left = std::string_view(we_.unread()).substr(taken_);
            for (test::frame_view next(left); next.is_whole(); next = test::frame_view(left)) {
                seen_.frames.push_back({static_cast<unsigned char>(left[0]), next.is_masked(), next.payload(), now()});
                left.remove_prefix(next.size());
                taken_ += next.size();
                if (next.opcode() == 8)
                    react_to_close(seen_.frames.back());
            }
        }

        void react_to_close(const seen_frame &frame) {
            if (!we_closed_ && what_.then != after::silent && seen_.end == test::stream_end::never)
                we_.send_close(frame.payload);
            we_closed_ = true;
            if (peer_ == role::client && what_.then != after::keep_tcp && seen_.end == test::stream_end::never)
                we_.send_fin(); // a server ends TCP first, RFC 6455 section 7.1.1
        }

        test::raw_peer         &we_;
        role                    peer_;
        const situation        &what_;
        double                  limit_;
        bool                    we_closed_ = false;
        std::size_t             taken_     = 0;
        const clock::time_point begin_     = clock::now();
        observation             seen_;
    };

} // namespace

observation play(test::raw_peer &we, role peer, const situation &what, double limit) {
    const bool delivered = send(we, peer, what);
    if (what.then == after::reset) {
        we.reset();
        return {};
    }
    if (what.then == after::fin)
        we.send_fin();
    observation seen = reader(we, peer, what, limit).read();
    seen.delivered   = delivered;
    return seen;
}

} // namespace check
