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

/// The command in a message; nothing if the message is no command and must be echoed.
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

    /// Writes the first message. Returns false if lws could not.
    bool write_one(lws *wsi) {
        std::string buffer(LWS_PRE, '\0');
        buffer += queue_.front().text;
        const int written = lws_write(wsi, reinterpret_cast<unsigned char *>(&buffer[LWS_PRE]), buffer.size() - LWS_PRE,
                                      queue_.front().type);
        queue_.pop_front();
        return written >= 0;
    }

    /// Takes in a part of a message. Returns true if the message is complete; it is then in `incoming()`.
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

/// What the command line of a server says.
struct server_arguments {
    std::uint16_t port = 0;
    const char   *cert = nullptr; // with TLS
    const char   *key  = nullptr;
};

/// A context that listens on 127.0.0.1, or null. Prints the line that says so.
inline lws_context *listen(const lws_protocols *protocols, const server_arguments &asked) {
    lws_set_log_level(LLL_ERR, nullptr);
    lws_context_creation_info info;
    std::memset(&info, 0, sizeof info);
    info.port            = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.protocols       = protocols;
    info.gid             = static_cast<decltype(info.gid)>(-1);
    info.uid             = static_cast<decltype(info.uid)>(-1);
    info.options         = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    lws_context *context = lws_create_context(&info);
    if (!context)
        return nullptr;
    info.port                     = asked.port;
    info.iface                    = "127.0.0.1";
    info.ssl_cert_filepath        = asked.cert;
    info.ssl_private_key_filepath = asked.key;
    lws_vhost *vhost              = lws_create_vhost(context, &info);
    if (!vhost) {
        lws_context_destroy(context);
        return nullptr;
    }
    for (int i = 0; i < 10; ++i) // lws 5 may lose a connection that comes before it has set itself up
        lws_service(context, -1);
    print_line("{\"event\":\"listening\",\"port\":" + std::to_string(lws_get_vhost_listen_port(vhost)) + "}");
    return context;
}

/// The arguments of a server; nothing, and a usage line, if they are not `--port N [--cert FILE --key FILE]`.
inline std::optional<server_arguments> read_server_arguments(int count, char **arguments) {
    server_arguments result;
    bool             has_port = false;
    bool             good     = count % 2 == 1;
    for (int i = 1; good && i < count; i += 2) {
        const std::string_view option = arguments[i];
        if (option == "--port" && !has_port) {
            const auto port = to_number(arguments[i + 1]);
            has_port = good = port.has_value();
            result.port     = port.value_or(0);
        } else if (option == "--cert" && !result.cert) {
            result.cert = arguments[i + 1];
        } else if (option == "--key" && !result.key) {
            result.key = arguments[i + 1];
        } else {
            good = false;
        }
    }
    if (good && has_port && !result.cert == !result.key)
        return result;
    std::fprintf(stderr,
                 "usage: %s --port N [--cert FILE --key FILE]    (N: 0 to 65535, 0 for a free port; with a "
                 "certificate and its key in PEM, TLS)\n",
                 arguments[0]);
    return std::nullopt;
}

/// Runs a server with these protocols; the status of the program.
inline int serve(const lws_protocols *protocols, int count, char **arguments) {
    const auto asked = read_server_arguments(count, arguments);
    if (!asked)
        return 2;
    lws_context *context = listen(protocols, *asked);
    if (!context) {
        std::fprintf(stderr, "cannot listen on 127.0.0.1:%u; choose another port, or 0 for a free one%s\n", asked->port,
                     asked->cert ? ", and see that the certificate and the key can be read" : "");
        return 1;
    }
    run(context);
    return 0;
}

} // namespace conformance

#endif // WSCLOSE_TESTS_CONFORMANCE_PROGRAM_HPP_INCLUDED
