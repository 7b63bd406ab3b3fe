// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_TRUTH_PROGRAM_HPP_INCLUDED
#define WSCLOSE_TESTS_TRUTH_PROGRAM_HPP_INCLUDED

// The program's side of a scenario: a session in a real lws context that does what the scenario says.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>

#include <wsclose/lws.hpp>

#include "support/noise.hpp"
#include "truth/scenario.hpp"

namespace truth {

using clock = std::chrono::steady_clock;

/// One connection under test, as program and peer share it.
class play {
public:
    explicit play(scenario s) : script(std::move(s)) {}

    void note_end(const wsclose::close_report &report) {
        const std::lock_guard<std::mutex> lock(mutex_);
        ++ends_;
        report_ = report;
        ended_  = clock::now();
        arrived_.notify_all();
    }

    /// Waits for the report. False if none comes.
    bool wait_for_end(std::chrono::milliseconds limit) {
        std::unique_lock<std::mutex> lock(mutex_);
        return arrived_.wait_for(lock, limit, [this] { return ends_ > 0; });
    }

    int ends() const {
        return with_lock([this] { return ends_; });
    }
    std::optional<wsclose::close_report> report() const {
        return with_lock([this] { return report_; });
    }

    /// From the first close that the program began until the report, in seconds; 0 if it began none.
    double seconds_to_close() const {
        return with_lock([this] {
            return ends_ && closed_ != clock::time_point() ? std::chrono::duration<double>(ended_ - closed_).count()
                                                           : 0;
        });
    }
    void note_close() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (closed_ == clock::time_point())
            closed_ = clock::now();
    }

    const scenario    script;
    std::atomic<bool> established{false};
    std::atomic<bool> acted{false};  ///< the program did something that ends a connection
    std::atomic<bool> killed{false}; ///< by -1 without a reason, or a timeout of its own

private:
    template <class Get>
    auto with_lock(Get get) const -> decltype(get()) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return get();
    }

    mutable std::mutex                   mutex_;
    std::condition_variable              arrived_;
    int                                  ends_ = 0;
    std::optional<wsclose::close_report> report_;
    clock::time_point                    ended_, closed_;
};

/// The plays that are on, by number: a server finds its own by a header of the peer's.
class stage {
public:
    static void enter(int number, play &p) {
        const std::lock_guard<std::mutex> lock(mutex());
        all()[number] = &p;
    }
    static void leave(int number) {
        const std::lock_guard<std::mutex> lock(mutex());
        all().erase(number);
    }
    static play *find(int number) {
        const std::lock_guard<std::mutex> lock(mutex());
        const auto                        found = all().find(number);
        return found == all().end() ? nullptr : found->second;
    }

private:
    static std::mutex &mutex() {
        static std::mutex m;
        return m;
    }
    static std::map<int, play *> &all() {
        static std::map<int, play *> plays;
        return plays;
    }
};

/// Of all sessions so far.
struct tally {
    std::atomic<long> alive{0}, established{0}, reported{0}; ///< `reported`: of those that were established
};
inline tally total;

class session {
public:
    wsclose::connection ws;

    session() { ++total.alive; }

    void on_close(const wsclose::close_report &report) {
        total.reported += report.error().empty();
        if (play_)
            play_->note_end(report);
    }

    ~session() {
        --total.alive;
        for (timer &t : timers_)
            lws_dll2_remove(&t.sul.list); // lws 4.0 has no lws_sul_cancel()
    }

    static int callback(lws *wsi, lws_callback_reasons reason, void *user, void *, std::size_t) {
        auto *const self = static_cast<session *>(user);
        if (!self)
            return 0;
        switch (reason) {
        case LWS_CALLBACK_ESTABLISHED: {
            char number[16] = {};
            lws_hdr_copy(wsi, number, sizeof number, WSI_TOKEN_ORIGIN);
            return self->begin(wsi, stage::find(std::atoi(number)));
        }
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
            return self->begin(wsi, static_cast<play *>(lws_get_opaque_user_data(wsi)));
        case LWS_CALLBACK_RECEIVE:
        case LWS_CALLBACK_CLIENT_RECEIVE: return self->act(moment::receive);
        case LWS_CALLBACK_RECEIVE_PONG:
        case LWS_CALLBACK_CLIENT_RECEIVE_PONG: return self->act(moment::pong);
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: {
            self->answers_   = true;
            const int result = self->act(moment::peer_close);
            self->answers_   = false;
            return result;
        }
        case LWS_CALLBACK_SERVER_WRITEABLE:
        case LWS_CALLBACK_CLIENT_WRITEABLE:
            if (self->wants_to_write_) {
                self->wants_to_write_ = false;
                self->write(10, LWS_WRITE_TEXT);
            }
            return self->act(moment::writeable);
        default: return 0;
        }
    }

private:
    struct timer {
        lws_sorted_usec_list_t sul; // first, so that its address is the timer's
        session               *self;
        const program_action  *action; // null: resumes reading
    };

    int begin(lws *wsi, play *p) {
        ++total.established;
        play_ = p;
        if (!p)
            return -1;
        p->established = true;
        if (p->script.hurries)
            ws.set_close_timeout(300 * LWS_US_PER_MS);
        if (p->script.seed % 2) { // so that it is full soon
            const int size = 8192;
            ::setsockopt(lws_get_socket_fd(lws_get_network_wsi(wsi)), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        }
        std::size_t next = 0;
        for (const program_action &a : p->script.program) {
            if (a.when == moment::timer)
                start(timers_[next++], &a, a.at_ms);
            if (a.when == moment::writeable)
                lws_callback_on_writable(wsi);
        }
        return act(moment::established);
    }

    void start(timer &t, const program_action *action, int ms) {
        lws *const wsi = ws.wsi();
        t.self         = this;
        t.action       = action;
        lws_sul_schedule(lws_get_context(wsi), 0, &t.sul, on_time, ms * LWS_US_PER_MS + 1);
    }

    static void on_time(lws_sorted_usec_list_t *sul) {
        auto *const t = reinterpret_cast<timer *>(sul);
        if (!t->self->ws.wsi())
            return;
        if (t->action)
            t->self->perform(*t->action);
        else
            lws_rx_flow_control(t->self->ws.wsi(), 1);
    }

    /// What is due at this moment, once. Returns what the callback returns.
    int act(moment now) {
        int result = 0;
        if (play_ && !(done_ & 1u << static_cast<int>(now))) {
            done_ |= 1u << static_cast<int>(now);
            for (const program_action &a : play_->script.program)
                if (a.when == now && perform(a) != 0)
                    result = -1;
        }
        return result;
    }

    int perform(const program_action &a) {
        lws *const wsi = ws.wsi();
        switch (a.what) {
        case deed::close:
            if (ws.close(wsclose::close_code(a.code), a.text))
                play_->note_close();
            play_->acted = true;
            return 0;
        case deed::leave_reason:
        case deed::leave_and_drop: {
            std::string text = a.text;
            lws_close_reason(wsi, static_cast<lws_close_status>(a.code), reinterpret_cast<unsigned char *>(&text[0]),
                             text.size());
            play_->acted = true;
            if (a.what == deed::leave_and_drop)
                play_->note_close();
            return a.what == deed::leave_and_drop ? -1 : 0;
        }
        case deed::drop: play_->acted = play_->killed = true; return -1;
        case deed::kill_sync:
        case deed::kill_async:
            if (play_->killed)
                return 0;
            play_->acted = play_->killed = true;
            lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE,
                            a.what == deed::kill_sync ? LWS_TO_KILL_SYNC : LWS_TO_KILL_ASYNC);
            return 0; // of the session nothing is left, perhaps
        case deed::write_small: write(1500, LWS_WRITE_TEXT); return 0;
        case deed::write_middle: write(30000, LWS_WRITE_BINARY); return 0;
        case deed::write_large: write(test::most_noise, LWS_WRITE_BINARY); return 0;
        case deed::write_twice: write(test::most_noise, LWS_WRITE_BINARY) && write(10, LWS_WRITE_TEXT, true); return 0;
        case deed::write_fragment:
            write(20, static_cast<lws_write_protocol>(LWS_WRITE_TEXT | LWS_WRITE_NO_FIN));
            within_message_ = true;
            return 0;
        case deed::fill:
            for (int n = 0; n < 300 && write(1500, LWS_WRITE_BINARY); ++n) { // a peer may read as fast
            }
            return 0;
        case deed::stop_reading:
            lws_rx_flow_control(wsi, 0);
            start(timers_[max_timers - 1], nullptr, 20);
            return 0;
        case deed::ask_to_write: wants_to_write_ = ws.request_writable(); return 0;
        case deed::set_timeout:
            if (!play_->killed) // else it would take the place of the limit that lws has set to its flushing
                lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, 60);
            return 0;
        }
        return 0;
    }

    /// Writes only if lws allows it, as its documentation asks: first it must send what it still holds.
    bool write(std::size_t size, lws_write_protocol how, bool anyhow = false) {
        lws *const wsi  = ws.wsi();
        const bool open = ws.state() == wsclose::connection_state::open || answers_; // the answer has not gone out yet
        if (within_message_ || !open || (!anyhow && lws_send_pipe_choked(wsi)))
            return false;
        return lws_write(wsi, test::noise(), size, how) >= 0;
    }

    static constexpr std::size_t max_timers = 6;

    play    *play_               = nullptr;
    timer    timers_[max_timers] = {};
    unsigned done_               = 0; // moments that were
    bool     wants_to_write_     = false;
    bool     within_message_     = false;
    bool     answers_            = false; // the peer's Close frame came in, and the program may still write
};

} // namespace truth

#endif // WSCLOSE_TESTS_TRUTH_PROGRAM_HPP_INCLUDED
