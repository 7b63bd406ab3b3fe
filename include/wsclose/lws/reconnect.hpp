// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_LWS_RECONNECT_HPP_INCLUDED
#define WSCLOSE_LWS_RECONNECT_HPP_INCLUDED

// A client that comes back after its connection has ended.

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <libwebsockets.h>

#include <wsclose/advice.hpp>
#include <wsclose/close_report.hpp>
#include <wsclose/lws/connection.hpp>
#include <wsclose/lws/detail/event.hpp>
#include <wsclose/lws/detail/retry_timer.hpp>
#include <wsclose/lws/detail/wsi.hpp>
#include <wsclose/reconnect.hpp>

WSCLOSE_BEGIN_NAMESPACE

namespace detail {
template <class Session, class = bool>
inline constexpr bool asks_on_connect = false;
template <class Session>
inline constexpr bool
    asks_on_connect<Session, decltype(std::declval<Session &>().on_connect(std::declval<lws_client_connect_info &>(),
                                                                           std::declval<const advice &>()))> = true;
} // namespace detail

/// Connects a client, and connects it again after an ending. It is a member of a session that the program owns, beside
/// its `connection`; the line in the table of protocols has 0 as `per_session_data_size`.
///
///     struct session {
///         wsclose::connection  ws;
///         wsclose::reconnector again;
///
///         bool on_connect(lws_client_connect_info &info, const wsclose::advice &why); // before each try
///         void on_close(const wsclose::close_report &report) { again.plan(report); }
///     };
///
///     the_session.again.start(context, the_session);
///
/// `on_connect` is called before each try, from a timer of lws, and says where to connect. `info` has the context and
/// the session already; set at least the address, the port and the protocol, or `local_protocol_name` if the server
/// knows no subprotocols. If they are not set, `host` and `origin` are the address, and `path` is "/". lws reads the
/// strings after `on_connect` has returned, so they must not be local to it. `why` is the advice on the last ending,
/// such as to renew the credentials. If `on_connect` returns false, there is no try.
///
/// Service thread only; allocates nothing. No try follows once the session is destroyed or the context ends.
class reconnector : detail::retry_timer {
public:
    /// Nothing is planned yet. `policy` says how the delays grow.
    explicit reconnector(const backoff_policy &policy = {}) noexcept : retry_timer(on_time), policy_(policy) {}
    ~reconnector() {
        if (is_destroyed_)
            *is_destroyed_ = true;
    }

    /// Connects `session` as soon as lws serves `context`. Call it again to connect before the planned time, or if no
    /// try is planned: for example, the network is up again, or there are new credentials. Tries are not reset. Does
    /// nothing if the session is connected or is connecting.
    template <class Session>
    void start(lws_context *context, Session &session) noexcept {
        static_assert(detail::asks_on_connect<Session>,
                      "wsclose: on_connect has to be a public member of the session: "
                      "bool on_connect(lws_client_connect_info &, const wsclose::advice &)");
        if (session_ != &session)
            connection_ = nullptr;
        if (is_connected())
            return;
        if (context_ != context)
            thread_ = 0;
        set_vhost(nullptr);
        context_ = context;
        session_ = &session;
        ask_     = [](void *asked, lws_client_connect_info &info, const advice &why) -> bool {
            if constexpr (detail::asks_on_connect<Session>)
                return static_cast<Session *>(asked)->on_connect(info, why);
        };
        why_ = {next_step::come_back};
        lws_protocol_init(context); // otherwise lws does not tell the protocols of its end if it is never served
        retry_timer::start(context, thread_, 0);
    }

    /// Plans the next try after a connection that ended, or an attempt that failed. Call it in `on_close`. Returns the
    /// delay in milliseconds; nothing if the advice is to stop.
    std::optional<std::int64_t> plan(const close_report &report) noexcept { return plan(report, advise(report)); }

    /// The same with other advice, such as `advise<game_code>(report)`, or `{next_step::come_back}` if the program
    /// itself has closed or dropped the connection and wants another: `advise` says `stop` then.
    std::optional<std::int64_t> plan(const close_report &report, const advice &then) noexcept {
        stop();
        if (!then || !ask_)
            return std::nullopt;
        return plan_try(then, report.lasted());
    }

    /// Cancels the planned try. Does not close the connection.
    void stop() noexcept {
        cancel();
        is_undecided_ = false;
    }

    /// Whether a try is planned.
    bool is_waiting() const noexcept { return is_running(); }

    /// How many tries were planned since the last success: a connection that lasted `backoff_policy::reset_after`.
    std::uint32_t tries() const noexcept { return backoff_.tries(); }

private:
    std::int64_t plan_try(const advice &then, std::int64_t lasted) noexcept {
        std::uint64_t random = 0;
        lws_get_random(context_, &random, sizeof random);
        why_                     = then;
        const std::int64_t delay = backoff_.next(then, lasted, random, policy_);
        constexpr auto     most  = std::int64_t{1} << 50; // in ms, so that µs have room in 64 bits
        retry_timer::start(context_, thread_, (delay < most ? delay : most) * LWS_US_PER_MS);
        return delay;
    }

    /// Whether the session has a connection, or an attempt is under way.
    bool is_connected() const noexcept { return connection_ && connection_->wsi(); }

    static void on_time(retry_timer &self) { static_cast<reconnector &>(self).connect(); }

    /// Both on_connect() and the callbacks that come while lws begins to connect may destroy the session.
    void connect() {
        if (detail::is_being_destroyed(context_) || is_connected()) // on_connect() may have called start()
            return;
        bool is_destroyed = false;
        is_destroyed_     = &is_destroyed;
        is_undecided_     = true;
        lws_client_connect_info info{};
        info.context                   = context_;
        info.userdata                  = session_;
        info.ietf_version_or_minus_one = -1;
        if (!ask_(session_, info, why_)) {
            if (!is_destroyed)
                is_destroyed_ = nullptr;
            return;
        }
        if (is_destroyed)
            return;
        complete(info);
        if (info.vhost)
            set_vhost(info.vhost);
        lws *const wsi = lws_client_connect_via_info(&info);
        if (is_destroyed)
            return;
        is_destroyed_ = nullptr;
        if (wsi) {
            set_vhost(lws_get_vhost(wsi));
            thread_ = lws_get_tsi(wsi);
            if (const lws_protocols *const protocol = lws_get_protocol(wsi))
                protocol->callback(wsi, detail::attempt_begins, session_, &connection_, 0);
        } else if (is_undecided_) { // there was no report
            const std::int64_t delay = plan_try({next_step::come_back}, 0);
            _lws_log(LLL_WARN, "wsclose: lws did not begin to connect, and says no more; next try in %lld ms\n",
                     static_cast<long long>(delay));
        }
    }

    static void complete(lws_client_connect_info &info) noexcept {
        if (!info.host)
            info.host = info.address;
        if (!info.origin)
            info.origin = info.address;
        if (!info.path)
            info.path = "/";
    }

    using ask_function = bool(void *session, lws_client_connect_info &info, const advice &why);

    backoff_policy policy_;
    advice         why_;
    lws_context   *context_      = nullptr;
    void          *session_      = nullptr;
    connection    *connection_   = nullptr; // of the session, once it has begun an attempt
    ask_function  *ask_          = nullptr;
    bool          *is_destroyed_ = nullptr; // while it connects
    backoff        backoff_;
    int            thread_       = 0;
    bool           is_undecided_ = false; // nobody has planned what follows the try that began last
};

WSCLOSE_END_NAMESPACE

#endif // WSCLOSE_LWS_RECONNECT_HPP_INCLUDED
