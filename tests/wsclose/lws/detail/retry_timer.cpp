// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/lws/detail/retry_timer.hpp>

#include <new>

#include "support/catch.hpp"
#include "support/lws_host.hpp"

using wsclose::detail::retry_timer;

namespace {

constexpr lws_usec_t hour = 3600 * lws_usec_t{LWS_US_PER_SEC};

int fired = 0;

void count(retry_timer &) { ++fired; }

int callback(lws *, lws_callback_reasons, void *, void *, std::size_t) { return 0; }

const lws_protocols protocols[] = {
    {"none", callback, 0, 0, 0, nullptr, 0},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

/// Where what is not a retry timer would be taken to have no vhost.
struct timer_of_the_program {
    lws_sorted_usec_list_t timer     = {};
    void                  *behind[4] = {};
};

} // namespace

TEST_CASE("the end of a vhost cancels its timers and those of no vhost, and nobody else's") {
    test::lws_host host(protocols);
    host.on_service_thread([&](lws_context *context) {
        retry_timer          its(count), another(count), unknown(count);
        timer_of_the_program programs;
        lws_vhost *const     vhost = host.vhost();
        its.set_vhost(vhost);
        another.set_vhost(reinterpret_cast<lws_vhost *>(&another)); // it is only compared
        for (retry_timer *each : {&its, &another, &unknown})
            each->start(context, 0, hour);
        lws_sul_schedule(
            context, 0, &programs.timer, [](lws_sorted_usec_list_t *) {}, hour);
        retry_timer::cancel_all(context, vhost);
        CHECK_FALSE(its.is_running());
        CHECK_FALSE(unknown.is_running());
        CHECK(another.is_running());
        CHECK(programs.timer.list.owner);
        lws_dll2_remove(&programs.timer.list);
    });
}

TEST_CASE("a timer that is destroyed does not fire") {
    alignas(retry_timer) static unsigned char memory[sizeof(retry_timer)];
    test::lws_host                            host(protocols);
    fired = 0;
    host.on_service_thread([&](lws_context *context) {
        auto *const timer = new (memory) retry_timer(count);
        timer->start(context, 0, 0);
        timer->~retry_timer();
    });
    host.pass(LWS_US_PER_MS);
    CHECK(fired == 0);
}
