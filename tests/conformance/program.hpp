// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_CONFORMANCE_PROGRAM_HPP_INCLUDED
#define WSCLOSE_TESTS_CONFORMANCE_PROGRAM_HPP_INCLUDED

// What the conformance programs share: numbers from text, lines of JSON, an event loop that ends on
// SIGTERM and SIGINT, the queue of messages to write.

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include <libwebsockets.h>

namespace conformance {

inline constexpr const char *subprotocol = "wsclose-conformance";

/// A decimal number of 0 to 65535; nothing for any other text.
inline std::optional<std::uint16_t> to_number(std::string_view text) {
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > 65535)
            return std::nullopt;
    }
    return text.empty() ? std::nullopt : std::optional(static_cast<std::uint16_t>(value));
}

/// One line to standard output, at once.
inline void print_line(std::string line) {
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

/// Cuts the first word off `text`; a single space ends it.
inline std::string_view take_word(std::string_view &text) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size() == text.size() ? word.size() : word.size() + 1);
    return word;
}

/// A message to close with: `close CODE TEXT`, and how to.
struct command {
    std::string_view how; ///< close, close-soon, close-thread or drop
    std::uint16_t    code = 0;
    std::string_view text;
};

/// The command in a message; nothing where it is none and shall be echoed.
inline std::optional<command> to_command(std::string_view message) {
    command result{take_word(message), 0, {}};
    if (result.how == "drop" && message.empty())
        return result;
    if (result.how != "close" && result.how != "close-soon" && result.how != "close-thread")
        return std::nullopt;
    const auto code = to_number(take_word(message));
    if (!code)
        return std::nullopt;
    result.code = *code;
    result.text = message;
    return result;
}

/// Messages that wait for the socket, and the one that is coming in.
class messages {
public:
    void push(std::string_view text, lws_write_protocol type) { queue_.push_back({std::string(text), type}); }
    bool empty() const { return queue_.empty(); }

    /// Writes the first message. False where lws could not.
    bool write_one(lws *wsi) {
        std::string buffer(LWS_PRE, '\0');
        buffer += queue_.front().text;
        const int written = lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), buffer.size() - LWS_PRE,
                                      queue_.front().type);
        queue_.pop_front();
        return written >= 0;
    }

    /// Takes a part of a message in; true where it is whole and lies in `incoming()`.
    bool receive(lws *wsi, const void *in, std::size_t len) {
        if (lws_is_first_fragment(wsi))
            incoming_.clear();
        incoming_.append(static_cast<const char *>(in), len);
        return lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    }
    const std::string &incoming() const { return incoming_; }

private:
    struct message {
        std::string        text;
        lws_write_protocol type;
    };
    std::deque<message> queue_;
    std::string         incoming_;
};

inline volatile std::sig_atomic_t stop_requested = 0;
inline lws_context               *running        = nullptr;

inline void request_stop(int = 0) {
    stop_requested = 1;
    if (running)
        lws_cancel_service(running);
}

/// Serves until `request_stop` is called, by a signal or not, then destroys the context.
inline void run(lws_context *context) {
    running = context;
    std::signal(SIGTERM, request_stop);
    std::signal(SIGINT, request_stop);
    while (!stop_requested && lws_service(context, 0) >= 0) {
    }
    running = nullptr;
    lws_context_destroy(context);
}

/// A context that listens on 127.0.0.1, or null. Prints the line that says so.
inline lws_context *listen(const lws_protocols *protocols, std::uint16_t port) {
    lws_set_log_level(LLL_ERR, nullptr);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    info.options         = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    lws_context *context = lws_create_context(&info);
    if (!context)
        return nullptr;
    info.port        = port;
    info.iface       = "127.0.0.1";
    lws_vhost *vhost = lws_create_vhost(context, &info);
    if (!vhost) {
        lws_context_destroy(context);
        return nullptr;
    }
    print_line("{\"event\":\"listening\",\"port\":" + std::to_string(lws_get_vhost_listen_port(vhost)) + "}");
    return context;
}

/// The port that `--port N` names; nothing, and a usage line, for any other arguments.
inline std::optional<std::uint16_t> port_argument(int count, char **arguments) {
    if (count == 3 && std::strcmp(arguments[1], "--port") == 0)
        if (const auto port = to_number(arguments[2]))
            return port;
    std::fprintf(stderr, "usage: %s --port N    (0 to 65535; 0: a free one)\n", arguments[0]);
    return std::nullopt;
}

} // namespace conformance

#endif // WSCLOSE_TESTS_CONFORMANCE_PROGRAM_HPP_INCLUDED
