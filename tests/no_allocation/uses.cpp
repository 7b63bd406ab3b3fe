// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Uses every function of wsclose that runs, so that the object file names all that they need. check.py
// reads it there, and finds a function that is missing here. WITH_REMOTE adds the header that allocates.

#include <wsclose/close_counters.hpp>
#include <wsclose/lws.hpp>
#include <wsclose/typescript.hpp>
#ifdef WITH_REMOTE
#    include <wsclose/lws/cross_thread.hpp>
#endif

using namespace wsclose;

enum class own_code { kicked = 4000 };
template <>
struct wsclose::close_code_traits<own_code> {
    static constexpr advised_code<own_code> codes[] = {{own_code::kicked, "kicked", {next_step::come_back}}};
};

struct session {
    connection             ws;
    timer                  idle;
    connection_list::entry place;

    void on_close(const close_report &report) { log_report(report, "chat"); }
    void on_idle() { ws.close(own_code::kicked, "idle"); }
};

struct own_session {
    connection  ws;
    reconnector again;

    bool on_connect(lws_client_connect_info &info, const advice &why) {
        info.port = 80;
        return bool(why);
    }
};

int callback(lws *, lws_callback_reasons, void *, void *, std::size_t);

extern lws_callback_function *const of_sessions;
lws_callback_function *const        of_sessions = tracked<callback, &session::ws>;

static constexpr auto sink = [](std::string_view) {};

void use_codes(close_code code, std::string_view text, role who) {
    sink(description(code));
    sink(name(own_code::kicked));
    sink(name(close_code_from_name(text).value_or(code)));
    sink(name(is_sendable(code, who) && browser_may_send(code) ? make_error::none : make_error::invalid_utf8));
}

void use_frames(close_code code, std::string_view text, role who) {
    const make_result  made   = close_frame::make(code, text);
    const parse_result parsed = close_frame::parse(text);
    sink(description(made.error));
    sink(name(made ? parsed.error : parse_error::none));
    sink(utf8::prefix(text, max_reason_size));
    make_error adjusted{};
    sink(close_frame::fit(code, text, who, adjusted) != parsed.answer() ? text : made.frame.reason());
    sink(name(adjusted));
    char copy[max_reason_size];
    sink(utf8::copy(text, copy) ? text : std::string_view());
}

void use_text(const close_report &report) {
    sink(text_line(report).view());
    sink(text_line(report.code()).view());
    sink(text_line(*report.sent()).view());
    write_json(report, sink);
    write_json(*report.received(), sink);
    sink(name(report.acknowledged()));
    write_json(named<own_code>(report), sink);
    sink(name(report.as<own_code>() ? severity::info : severity_of(report)));
}

void use_log(const close_report &report) {
    log_limiter limiter(10);
    log_report<own_code>(report, "chat", limiter);
    sink(limiter.take_suppressed(0) ? "some" : "none");
}

void use_counters(basic_close_counters<own_code> &counters, const close_report &report) {
    const metric_label labels[] = {{"server", report.reason()}};
    close_counters     others(labels);
    counters.count(report);
    others.count(report);
    write_metrics(sink, counters, others);
}

void use_handshake(close_handshake &handshake, const close_frame &frame) {
    if (handshake.send(frame) == close_step::send)
        handshake.receive_unseen();
    handshake.receive(close_frame::parse(frame.reason()));
    handshake.fail(*handshake.report().sent());
    handshake.lose();
    handshake.established(0);
    handshake.ends_by(cause::fin);
    handshake.connect_failed({frame.reason()});
}

void use_relay(const close_report &ended, std::string_view body, role sender) {
    sink(relayed(ended, sender).reason());
    sink(relayed(close_frame::parse(body), sender).reason());
}

void use_advice(const close_report &report, backoff &tries) {
    const advice then = advise(report);
    sink(name(then == advise<own_code>(report) && then != advise(report.code()) ? then.what : next_step::stop));
    write_typescript<own_code>(sink);
    tries.next(then, report.lasted(), 0);
    tries.reset();
    tries.tries();
}

int use_verbs(lws *wsi, const void *in, std::size_t len) {
    close_frame answer;
    return answer_peer_close(wsi, in, len, answer) + close(wsi, close_code::going_away);
}

void use_connection(session &s, const close_frame &frame) {
    connection_ref        first(s.ws);
    connection_ref        second;
    const connection_ref &third = second = connection_ref(first);
    first.reset();
    third.close(frame);
    third.close(close_code::going_away);
    third.request_writable();
    sink(third.wsi() ? "alive" : "over");
    sink(name(s.ws.close(own_code::kicked).error));
    s.ws.set_close_timeout(LWS_US_PER_SEC);
    s.ws.state();
    s.idle.start<&session::on_idle>(s.ws, LWS_US_PER_SEC, s);
    s.idle.is_running();
}

void use_reconnector(lws_context *context, const close_report &report) {
    own_session s;
    s.again.start(context, s);
    if (s.again.plan(report) && s.again.is_waiting())
        s.again.stop();
    s.again.tries();
}

void use_list(session &s) {
    connection_list list;
    list.add(s.ws, s.place);
    list.close_all(close_code::going_away);
    sink(list.size() == 0 ? "empty" : "");
}

int use_drain(connection_list &list, lws *wsi) {
    drain going_down;
    going_down.start(list, LWS_US_PER_SEC, LWS_US_PER_SEC, close_code::going_away);
    return going_down.running() ? refuse(wsi, 30) : 0;
}

#ifdef WITH_REMOTE
void use_remote(const cross_thread_queue &queue, session &s) {
    cross_thread_ref(queue, s.ws).close(close_code::going_away);
}
#endif
