// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_FRAME_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_FRAME_HPP_INCLUDED

// Frames as they stand on the wire. RFC 6455 section 5.2.

#include <cstddef>
#include <string>
#include <string_view>

namespace test {

/// The frame with which some bytes begin.
class frame_view {
public:
    explicit frame_view(std::string_view bytes) : bytes_(bytes) {
        if (bytes.size() < 2)
            return;
        const std::size_t length = byte(1) & 0x7F;
        const std::size_t more   = length == 126 ? 2 : length == 127 ? 8 : 0;
        head_                    = 2 + more + (is_masked() ? 4 : 0);
        if (bytes.size() < head_)
            return;
        payload_ = more ? 0 : length;
        for (std::size_t i = 0; i < more; ++i)
            payload_ = payload_ << 8 | byte(2 + i);
        is_whole_ = bytes.size() - head_ >= payload_;
    }

    bool has_opcode() const { return bytes_.size() >= 2; }
    int  opcode() const { return byte(0) & 0x0F; }
    bool has_reserved_bits() const { return byte(0) & 0x30; } // RSV1 says that permessage-deflate was at work
    bool is_control() const { return byte(0) & 0x08; }
    bool is_final() const { return byte(0) & 0x80; } // of its message
    bool is_masked() const { return byte(1) & 0x80; }

    /// Whether nothing of it is cut off.
    bool        is_whole() const { return is_whole_; }
    std::size_t size() const { return head_ + payload_; }
    std::size_t payload_size() const { return payload_; }

    /// Its payload, the mask taken off.
    std::string payload() const {
        std::string out(bytes_.substr(head_, payload_));
        for (std::size_t i = 0; is_masked() && i < payload_; ++i)
            out[i] = static_cast<char>(out[i] ^ bytes_[head_ - 4 + i % 4]);
        return out;
    }

    /// All of it, without its mask.
    std::string unmasked() const {
        std::string out{bytes_[0], static_cast<char>(byte(1) & 0x7F)};
        out.append(bytes_.substr(2, head_ - 2 - (is_masked() ? 4 : 0)));
        return out + payload();
    }

private:
    unsigned char byte(std::size_t i) const { return static_cast<unsigned char>(bytes_[i]); }

    std::string_view bytes_;
    std::size_t      head_ = 0, payload_ = 0;
    bool             is_whole_ = false;
};

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_FRAME_HPP_INCLUDED
