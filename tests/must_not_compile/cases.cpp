// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// What the compiler refuses. check.py compiles this file once unchanged, which must succeed, and
// once with CASE set to each number, which has to fail with the message that stands behind it;
// behind `alone:`, with no other error.

#include <wsclose/close_counters.hpp>
#include <wsclose/lws.hpp>
#include <wsclose/typescript.hpp>

using wsclose::close_code;

int callback(lws *, lws_callback_reasons, void *, void *, size_t);

#if CASE == 1 // this close code is never on the wire
auto f = wsclose::frame<close_code::abnormal_closure>("text");
#elif CASE == 2  // this close code is never on the wire
auto f = wsclose::frame<close_code{5000}>();
#elif CASE == 3  // the close reason has more than 123 bytes
auto f = wsclose::frame<close_code::normal_closure>(
    "123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
    "123456789 123456789 1234");
#elif CASE == 4  // the_close_reason_is_not_utf8
auto f = WSCLOSE_FRAME(close_code::normal_closure, "\xFF");
#elif CASE == 5  // this close code is never on the wire
auto f = WSCLOSE_FRAME(close_code::no_status_received, "text");
#elif CASE == 6  // the_close_reason_is_not_utf8
constexpr auto f = wsclose::frame<close_code::normal_closure>("\xED\xA0\x80");
#elif CASE == 7  // an application's close codes lie in 3000 to 4999
enum class game_code { lost = 5000 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::lost, "lost"}};
};
bool b = wsclose::is_sendable(game_code::lost);
#elif CASE == 8  // an application's close codes lie in 3000 to 4999
enum class game_code { lost = 1000 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::lost, "lost"}};
};
auto n = wsclose::name(game_code::lost);
#elif CASE == 9  // stands twice in close_code_traits
enum class game_code { lost = 4000, gone = 4000 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::lost, "lost"}, {game_code::gone, "gone"}};
};
bool b = wsclose::is_sendable(game_code::lost);
#elif CASE == 10 // alone: this enum has no close_code_traits; list its codes there, or write a code of wsclose
enum class unannounced { lost = 4000 };
bool b = wsclose::is_sendable(unannounced::lost);
#elif CASE == 11 // alone: a number is not a close code; write wsclose::close_code\{4000}, or list your own codes
bool b = wsclose::is_sendable(1000);
#elif CASE == 12 // private|inaccessible|no matching
auto f = wsclose::close_frame(close_code::normal_closure); // would go around make()
#elif CASE == 13 // consteval: the_close_reason_is_not_utf8
auto f = wsclose::frame<close_code::normal_closure>("\xFF");
#elif CASE == 14 // consteval: this_close_code_is_never_on_the_wire
wsclose::close_frame f{close_code::abnormal_closure, "text"};
#elif CASE == 15 // consteval: the_close_reason_is_not_utf8
wsclose::close_frame f{close_code::normal_closure, "\xFF"};
#elif CASE == 16 // on_close has to be a public member
class session {
    void on_close(const wsclose::close_report &) {}

public:
    wsclose::connection ws;
};
auto t = static_cast<lws_callback_function *>(wsclose::tracked<callback, &session::ws>);
#elif CASE == 17 // on_close has to be a public member
struct session {
    wsclose::connection ws;
    void                on_close(wsclose::close_report &) {}
};
auto t = static_cast<lws_callback_function *>(wsclose::tracked<callback, &session::ws>);
#elif CASE == 18 // the member of tracked<> has to be a wsclose::connection
struct session {
    int ws;
};
auto t = static_cast<lws_callback_function *>(wsclose::tracked<callback, &session::ws>);
#elif CASE == 19 // alone: a number is not a close code; write wsclose::close_code\{4000}, or list your own codes
auto close(wsclose::connection &ws) { return ws.close(4000, "x"); }
#elif CASE == 20 // alone: this enum has no close_code_traits; .*, such as wsclose::close_code::normal_closure
auto close(wsclose::connection &ws) { return ws.close(LWS_CLOSE_STATUS_NORMAL, "x"); }
#elif CASE == 21 // alone: this enum has no close_code_traits
enum class unannounced { lost = 4000 };
auto close(wsclose::connection &ws) { return ws.close(unannounced::lost); }
#elif CASE == 22 // alone: a number is not a close code
auto f = wsclose::frame<4000>("x");
#elif CASE == 23 // alone: the callback of tracked<> has to be a function of the type lws_callback_function
struct session {
    wsclose::connection ws;
};
int  other_callback(lws *, int, void *, void *, size_t);
auto t = static_cast<lws_callback_function *>(wsclose::tracked<other_callback, &session::ws>);
#elif CASE == 24 // alone: tracked<> needs the connection in the session too: tracked<callback, &session::ws>
auto t = static_cast<lws_callback_function *>(wsclose::tracked<callback>);
#elif CASE == 31 // alone: the callback of tracked<> has to be known to the compiler; to choose one at run time, write
struct session {
    wsclose::connection ws;
};
lws_callback_function *chosen = callback;
auto                   t      = static_cast<lws_callback_function *>(wsclose::tracked<chosen, &session::ws>);
#elif CASE == 32 // alone: the callback of tracked<> has to be known to the compiler
struct base {
    wsclose::connection ws;
};
struct session : base {};
lws_callback_function *chosen = callback;
auto                   t      = static_cast<lws_callback_function *>(wsclose::tracked<chosen, &session::ws, session>);
#elif CASE == 25 // no matching
wsclose::close_counters counters{{{"server", "one"}}}; // the labels would be gone
#elif CASE == 26 // this enum has no close_code_traits; list its codes there
enum class unannounced { lost = 4000 };
wsclose::basic_close_counters<unannounced> counters;
#elif CASE == 40 // alone: two rows of advice are for the same code
constexpr wsclose::advised_range rows[] = {{close_code{4000}, close_code{4010}, {}},
                                           {close_code{4010}, close_code{4010}, {}}};
auto                             then   = wsclose::advise<rows>(close_code{4000});
#elif CASE == 41 // alone: in a row of advice, `first` is at most `last`, and the delays are 0 <= minimum <= maximum
constexpr wsclose::advised_range rows[] = {{close_code{4000}, close_code{4000}, {wsclose::next_step::come_back, 2, 1}}};
auto                             then   = wsclose::advise<rows>(wsclose::close_report());
#elif CASE == 42 // stands twice in close_code_traits
enum class game_code { kicked = 4001, banned = 4001 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr advised_code<game_code> codes[] = {{game_code::kicked, "kicked", {}},
                                                        {game_code::banned, "banned", {}}};
};
auto then = wsclose::advise<game_code>(close_code{4001});
#elif CASE == 43 // alone: on_connect has to be a public member of the session: bool on_connect
struct session {
    wsclose::connection  ws;
    wsclose::reconnector again;
    void                 on_connect(lws_client_connect_info &, const wsclose::advice &) {}
};
void start(lws_context *context, session &s) { s.again.start(context, s); }
#elif CASE == 44 // alone: this enum has no close_code_traits; list its codes there
enum class unannounced { lost = 4000 };
auto then = wsclose::advise<unannounced>(wsclose::close_report());
#elif CASE == 45 // alone: this enum has no close_code_traits; list its codes there
enum class unannounced { lost = 4000 };
auto own = wsclose::close_report().as<unannounced>();
#elif CASE == 27 // alone: a name in close_code_traits is empty, has more than 48 bytes, or needs an escape
enum class game_code { lost = 4000 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::lost, "\"lost\""}};
};
void log(const wsclose::close_report &report) { wsclose::log_report<game_code>(report, "chat"); }
#elif CASE == 28 // alone: a name in close_code_traits is empty, has more than 48 bytes, or needs an escape
enum class game_code { lost = 4000 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {
        {game_code::lost, "123456789 123456789 123456789 123456789 123456789"}};
};
void log(const wsclose::close_report &report) { wsclose::log_report<game_code>(report, "chat"); }
#elif CASE == 29 // this enum has no close_code_traits
enum class unannounced { lost = 4000 };
void log(const wsclose::close_report &report) { wsclose::log_report<unannounced>(report, "chat"); }
#elif CASE == 30 // alone: a name in close_code_traits is not a name in TypeScript
enum class game_code { lost = 4000 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr named_code<game_code> codes[] = {{game_code::lost, "connection-lost"}};
};
void write() {
    wsclose::write_typescript<game_code>([](std::string_view) {});
}
#else
struct session {
    wsclose::connection ws;
};
constexpr lws_callback_function *chosen = callback;
constexpr auto                   lambda = [](lws *, lws_callback_reasons, void *, void *, size_t) { return 0; };

auto t = static_cast<lws_callback_function *>(wsclose::tracked<callback, &session::ws>);
auto u = static_cast<lws_callback_function *>(wsclose::tracked<chosen, &session::ws>);
auto v = static_cast<lws_callback_function *>(wsclose::tracked<lambda, &session::ws, session *>);
auto f = wsclose::frame<close_code::normal_closure>("text");
auto g = WSCLOSE_FRAME(close_code::normal_closure, "text");
auto close(wsclose::connection &ws) { return ws.close(f), ws.close(close_code{4000}), ws.close({}); }
#endif
