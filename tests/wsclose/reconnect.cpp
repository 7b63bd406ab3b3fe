// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#include <wsclose/reconnect.hpp>

#include <cstdint>
#include <limits>
#include <string>

#include <wsclose/close_handshake.hpp>

#include "support/catch.hpp"

enum class game_code { kicked = 4001, banned = 4003 };
template <>
struct wsclose::close_code_traits<game_code> {
    static constexpr wsclose::advised_code<game_code> codes[] = {
        {game_code::kicked, "kicked", {wsclose::next_step::come_back, 60'000, 120'000}},
        {game_code::banned, "banned", {wsclose::next_step::stop}}};
};
enum class plain_code { lost = 4001 };
template <>
struct wsclose::close_code_traits<plain_code> {
    static constexpr wsclose::named_code<plain_code> codes[] = {{plain_code::lost, "lost"}};
};

using namespace wsclose;

namespace {

constexpr advice stop{next_step::stop, 0, 0};
constexpr advice back{next_step::come_back, 0, 0};
constexpr advice slowly{next_step::come_back, 30'000, 60'000};
constexpr advice renew{next_step::renew_credentials, 0, 0};
constexpr advice elsewhere{next_step::go_elsewhere, 30'000, 60'000};
constexpr advice restart{next_step::come_back, 5'000, 30'000};

/// The body of a Close frame with this code.
std::string body(unsigned code) { return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)}; }

close_report closed_by_peer(unsigned code, bool code_uncertain = false) {
    close_handshake handshake;
    handshake.receive(close_frame::parse(body(code)), code_uncertain);
    handshake.transport_closed();
    return handshake.report();
}

close_report lost_by(cause why) {
    close_handshake handshake;
    handshake.transport_closed(why);
    return handshake.report();
}

close_report failed_by(cause why, std::uint16_t status = 0, std::uint32_t retry_after = 0) {
    close_handshake handshake;
    handshake.connect_failed({"failed", why, status, retry_after});
    return handshake.report();
}

advice on_status(int status, std::uint32_t retry_after = 0) {
    return advise(failed_by(cause::upgrade_refused, static_cast<std::uint16_t>(status), retry_after));
}

constexpr advised_range whole_thousand[] = {
    {close_code{4000}, close_code{4999}, {next_step::stop}},
    {close_code::normal_closure, close_code::normal_closure, {next_step::come_back, 1'000, 2'000}},
};

} // namespace

TEST_CASE("each registered code has the advice that its registration, RFC 6455 or judgement gives") {
    CHECK(advise(close_code::normal_closure) == stop);
    CHECK(advise(close_code::going_away) == back);
    CHECK(advise(close_code::protocol_error) == stop);
    CHECK(advise(close_code::unsupported_data) == stop);
    CHECK(advise(close_code{1004}) == slowly);
    CHECK(advise(close_code::no_status_received) == back);
    CHECK(advise(close_code::abnormal_closure) == back);
    CHECK(advise(close_code::invalid_payload) == stop);
    CHECK(advise(close_code::policy_violation) == stop);
    CHECK(advise(close_code::message_too_big) == stop);
    CHECK(advise(close_code::mandatory_extension) == stop);
    CHECK(advise(close_code::internal_error) == back);
    CHECK(advise(close_code::service_restart) == restart);
    CHECK(advise(close_code::try_again_later) == elsewhere);
    CHECK(advise(close_code::bad_gateway) == back);
    CHECK(advise(close_code::tls_handshake) == slowly);
    CHECK(advise(close_code::unauthorized) == renew);
    CHECK(advise(close_code::forbidden) == stop);
    CHECK(advise(close_code::timeout) == back);
}

TEST_CASE("each range of codes has advice, up to its edges") {
    for (const unsigned code : {0U, 999U, 5000U, 65535U})
        CHECK(advise(close_code(code)) == slowly);
    for (const unsigned code : {1016U, 2999U, 3001U, 3002U, 3004U, 3007U, 3009U, 3999U, 4000U, 4999U})
        CHECK(advise(close_code(code)) == back);
}

TEST_CASE("a report of a peer's close has the advice for its code") {
    CHECK(advise(closed_by_peer(1000)) == stop);
    CHECK(advise(closed_by_peer(1001)) == back);
    CHECK(advise(closed_by_peer(1012)) == restart);
    CHECK(advise(closed_by_peer(1013)) == elsewhere);
    CHECK(advise(closed_by_peer(3000)) == renew);
    CHECK(advise(closed_by_peer(4000)) == back);
}

TEST_CASE("a 1002 that may have been another code counts as the restart of a service") {
    CHECK(advise(closed_by_peer(1002)) == stop);
    CHECK(advise(closed_by_peer(1002, true)) == restart);
}

TEST_CASE("a peer that breaks the protocol is met again slowly") {
    CHECK(advise(closed_by_peer(5000)) == slowly); // which is answered with 1002
    CHECK(advise(closed_by_peer(1005)) == slowly);
    close_handshake handshake;
    handshake.fail(frame<close_code::protocol_error>("rsv bits"));
    handshake.send();
    handshake.transport_closed();
    CHECK(advise(handshake.report()) == slowly);
}

TEST_CASE("a program that has closed does not come back, whatever the peer answers") {
    for (const unsigned code : {1000U, 1001U, 1012U, 4000U}) {
        close_handshake handshake;
        handshake.send(close_frame::fit(close_code(code), "bye"));
        SECTION("with the same") { handshake.receive(close_frame::parse(body(code))); }
        SECTION("with a restart") { handshake.receive(close_frame::parse(body(1012))); }
        SECTION("with an invalid frame") { handshake.receive(close_frame::parse(body(5000))); }
        SECTION("not at all") {}
        handshake.transport_closed(cause::no_answer);
        CHECK(advise(handshake.report()) == stop);
        CHECK(advise<whole_thousand>(handshake.report()) == stop);
    }
    CHECK(advise(lost_by(cause::dropped)) == stop);
    CHECK(advise(lost_by(cause::context_destroyed)) == stop);
}

TEST_CASE("a program does not come back if it had asked to close before the peer's close came") {
    close_handshake handshake;
    handshake.request(close_frame::fit(close_code::normal_closure, "done"));
    handshake.receive(close_frame::parse(body(1012)));
    handshake.transport_closed();
    CHECK(handshake.report().initiator() == initiator::peer);
    CHECK(advise(handshake.report()) == stop);
}

TEST_CASE("a client whose answer was lost has the advice for the peer's code") {
    close_handshake handshake;
    handshake.receive(close_frame::parse(body(1012)));
    handshake.lose();
    handshake.transport_closed();
    CHECK(advise(handshake.report()) == restart);
}

TEST_CASE("a program that gave up its attempt does not come back") {
    close_handshake handshake;
    handshake.request(frame<close_code::normal_closure>());
    handshake.connect_failed({"failed", cause::timed_out});
    CHECK(advise(handshake.report()) == stop);
}

TEST_CASE("a connection that broke comes back") {
    for (const cause why : {cause::unknown, cause::fin, cause::reset, cause::lost, cause::library, cause::no_answer,
                            cause::not_reading, cause::no_pong}) {
        CAPTURE(name(why));
        CHECK(advise(lost_by(why)) == back);
    }
}

TEST_CASE("an attempt that failed comes back, and slowly if only a person can mend it") {
    for (const cause why :
         {cause::unknown, cause::name_not_found, cause::unreachable, cause::refused, cause::timed_out})
        CHECK(advise(failed_by(why)) == back);
    for (const cause why :
         {cause::tls_untrusted, cause::tls_expired, cause::tls_wrong_name, cause::tls_failed, cause::upgrade_invalid})
        CHECK(advise(failed_by(why)) == slowly);
}

TEST_CASE("the HTTP status that refused an upgrade decides") {
    CHECK(on_status(0) == back);
    CHECK(on_status(200) == slowly);
    for (const int status : {301, 302, 303, 307, 308, 421})
        CHECK(on_status(status) == elsewhere);
    for (const int status : {401, 407})
        CHECK(on_status(status) == renew);
    for (const int status : {400, 402, 403, 405, 406, 409, 410, 426, 451, 499, 501, 505})
        CHECK(on_status(status) == stop);
    for (const int status : {404, 429, 511})
        CHECK(on_status(status) == slowly);
    for (const int status : {408, 425, 500, 502, 503, 504, 520, 599})
        CHECK(on_status(status) == back);
}

TEST_CASE("Retry-After takes the place of every other delay, and reopens what was refused") {
    CHECK(on_status(503, 1) == advice{next_step::come_back, 1'000, 1'500});
    CHECK(on_status(503, 120) == advice{next_step::come_back, 120'000, 180'000});
    CHECK(on_status(429, 10) == advice{next_step::come_back, 10'000, 15'000});
    CHECK(on_status(301, 10) == advice{next_step::go_elsewhere, 10'000, 15'000});
    CHECK(on_status(401, 10) == advice{next_step::renew_credentials, 10'000, 15'000});
    CHECK(on_status(403, 10) == advice{next_step::come_back, 10'000, 15'000});
}

TEST_CASE("no server keeps a client away for longer than a day and a half") {
    CHECK(on_status(503, 86'399) == advice{next_step::come_back, 86'399'000, 129'598'500});
    CHECK(on_status(503, 86'401) == advice{next_step::come_back, 86'400'000, 129'600'000});
    CHECK(on_status(503, 4'294'967'295) == advice{next_step::come_back, 86'400'000, 129'600'000});
}

TEST_CASE("an application's enum brings advice for its codes, and the rest stays") {
    CHECK(advise<game_code>(close_code{4001}) == advice{next_step::come_back, 60'000, 120'000});
    CHECK(advise<game_code>(game_code::banned) == stop);
    CHECK(advise<game_code>(close_code{4002}) == back);
    CHECK(advise<game_code>(closed_by_peer(4003)) == stop);
    CHECK(advise<game_code>(closed_by_peer(1012)) == restart);
    CHECK(advise<plain_code>(plain_code::lost) == back);
    CHECK(name(game_code::banned) == "banned");
    CHECK(close_frame::fit(game_code::banned, "").code() == close_code{4003});
}

TEST_CASE("a program's table comes before the advice of wsclose") {
    CHECK(advise<whole_thousand>(close_code{3999}) == back);
    CHECK(advise<whole_thousand>(close_code{4000}) == stop);
    CHECK(advise<whole_thousand>(close_code{4999}) == stop);
    CHECK(advise<whole_thousand>(close_code{5000}) == slowly);
    CHECK(advise<whole_thousand>(closed_by_peer(1000)) == advice{next_step::come_back, 1'000, 2'000});
}

namespace {

bool is_sound(const advice &then) {
    return !name(then.what).empty() && then.minimum >= 0 && then.minimum <= then.maximum && (then || then.maximum == 0);
}

/// How many of the reports with this code, in each direction, and each cause have advice that is not sound.
unsigned unsound(unsigned code) {
    unsigned count = 0;
    for (unsigned why = 0; why < cause_count; ++why) {
        for (const initiator who : {initiator::peer, initiator::local, initiator::library}) {
            close_handshake   handshake;
            const close_frame ours = close_frame::fit(close_code(code), "");
            if (who == initiator::peer)
                handshake.receive(close_frame::parse(body(code)), code == 1002);
            else if (who == initiator::local)
                handshake.send(ours);
            else
                handshake.fail(ours);
            handshake.transport_closed(static_cast<cause>(why));
            const advice then = advise<close_code_traits<game_code>::codes>(handshake.report());
            count += !is_sound(then) || (who == initiator::local && then);
        }
    }
    return count;
}

} // namespace

TEST_CASE("every code from every side with every cause has sound advice") {
    unsigned count = 0;
    for (unsigned code = 0; code <= 65535; ++code)
        count += unsound(code) + !is_sound(advise(close_code(code)));
    CHECK(count == 0);
}

TEST_CASE("every HTTP status with every cause has sound advice") {
    unsigned count = 0;
    for (unsigned why = 0; why < cause_count; ++why)
        for (std::uint16_t status = 0; status < 1024; ++status)
            for (const std::uint32_t retry_after : {0U, 1U, 4'294'967'295U})
                count += !is_sound(advise(failed_by(static_cast<cause>(why), status, retry_after)));
    CHECK(count == 0);
}

TEST_CASE("the first try comes within 5 s, and the limit doubles from try to try up to 60 s") {
    backoff counted;
    for (const std::int64_t longest : {5'000, 10'000, 20'000, 40'000, 60'000, 60'000}) {
        CHECK(counted.bounds(back) == advice{next_step::come_back, 0, longest});
        CHECK(counted.next(back, 0, 0) == 0);
    }
    CHECK(counted.tries() == 6);
}

TEST_CASE("a delay is any time between its bounds, both included") {
    CHECK(backoff().next(restart, 0, 0) == 5'000);
    CHECK(backoff().next(restart, 0, 25'000) == 30'000);
    CHECK(backoff().next(restart, 0, 25'001) == 5'000);
    CHECK(backoff().next(back, 0, 5'000) == 5'000);
    CHECK(backoff().next({next_step::come_back, 0, std::numeric_limits<std::int64_t>::max()}, 0,
                         std::numeric_limits<std::uint64_t>::max()) == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("advice of a longer delay than the backoff's stands, and a shorter one grows") {
    backoff counted;
    CHECK(counted.bounds(restart) == advice{next_step::come_back, 5'000, 30'000});
    CHECK(counted.bounds(elsewhere) == advice{next_step::go_elsewhere, 30'000, 60'000});
    CHECK(counted.bounds({next_step::come_back, 120'000, 180'000}) == advice{next_step::come_back, 120'000, 180'000});
    for (int i = 0; i < 4; ++i)
        counted.next(back, 0, 0);
    CHECK(counted.bounds(restart) == advice{next_step::come_back, 5'000, 60'000});
}

TEST_CASE("a connection that lasted 5 s counts as a success") {
    backoff counted;
    counted.next(back, 0, 0);
    counted.next(back, 4'990, 0);
    CHECK(counted.tries() == 2);
    counted.next(back, 5'000, 0);
    CHECK(counted.tries() == 1);

    backoff_policy at_once;
    at_once.reset_after = 0;
    counted.next(back, 0, 0, at_once); // it was never open
    CHECK(counted.tries() == 2);
    counted.next(back, 1, 0, at_once);
    CHECK(counted.tries() == 1);
    counted.reset();
    CHECK(counted.tries() == 0);
}

TEST_CASE("a policy sets the base, the growth, the limit, what is random, and how fast time goes") {
    backoff_policy policy;
    policy.base   = 100;
    policy.cap    = 1'000;
    policy.factor = 3;
    policy.spread = jitter::half;
    backoff counted;
    for (const std::int64_t longest : {100, 300, 900, 1'000, 1'000}) {
        CHECK(counted.bounds(back, policy) == advice{next_step::come_back, longest / 2, longest});
        counted.next(back, 0, 0, policy);
    }
    policy.spread = jitter::none;
    CHECK(counted.bounds(back, policy) == advice{next_step::come_back, 1'000, 1'000});
    CHECK(counted.bounds(restart, policy) == advice{next_step::come_back, 5'000, 30'000});
    policy.divisor = 100;
    CHECK(counted.bounds(restart, policy) == advice{next_step::come_back, 50, 300});
}

TEST_CASE("a policy may begin with 1 ms, or with no delay, and a divisor of 0 counts as 1") {
    backoff_policy policy;
    policy.spread = jitter::none;
    policy.base   = 1;
    policy.cap    = 5;
    for (const std::uint32_t divisor : {1U, 0U}) {
        policy.divisor = divisor;
        backoff counted;
        for (const std::int64_t delay : {1, 2, 4, 5, 5})
            CHECK(counted.next(back, 0, 0, policy) == delay);
    }
    policy.base = 0;
    backoff counted;
    for (int i = 0; i < 3; ++i)
        CHECK(counted.next(back, 0, 0, policy) == 0);
}

TEST_CASE("no policy and no number of tries makes a delay negative, or longer than was asked for") {
    constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t least   = std::numeric_limits<std::int64_t>::min();
    unsigned               wrong   = 0;
    for (const std::int64_t base : {least, std::int64_t{0}, std::int64_t{1}, std::int64_t{5'000}, largest})
        for (const std::int64_t cap : {least, std::int64_t{0}, std::int64_t{60'000}, largest})
            for (const std::uint32_t factor : {0U, 1U, 2U, 0xFFFFFFFFU})
                for (const jitter spread : {jitter::full, jitter::half, jitter::none}) {
                    const backoff_policy policy{base, cap, 5'000, factor, 1, spread};
                    const std::int64_t   limit = cap > 0 ? cap : 0;
                    backoff              counted;
                    for (unsigned i = 0; i < 3'000; ++i)
                        for (const advice &then : {back, restart, elsewhere}) {
                            const std::int64_t delay = counted.next(then, 0, ~std::uint64_t{i}, policy);
                            wrong += delay < then.minimum || delay > (limit > then.maximum ? limit : then.maximum);
                        }
                }
    CHECK(wrong == 0);
}

TEST_CASE("the limit never falls from try to try, however large it grows") {
    for (const std::uint32_t factor : {2U, 3U, 0xFFFFFFFFU}) {
        backoff_policy policy;
        policy.base   = 3;
        policy.cap    = std::numeric_limits<std::int64_t>::max();
        policy.factor = factor;
        backoff      counted;
        std::int64_t before = 0;
        for (int i = 0; i < 100; ++i) {
            const std::int64_t limit = counted.bounds(back, policy).maximum;
            CHECK(limit >= before);
            before = limit;
            counted.next(back, 0, 0, policy);
        }
        CHECK(before == policy.cap);
    }
}

TEST_CASE("advice and backoff are constant expressions, and small") {
    static_assert(advise(close_code::service_restart).maximum == 30'000);
    static_assert(advise<game_code>(game_code::banned).what == next_step::stop);
    static_assert([] {
        backoff counted;
        return counted.next(advise(close_code::going_away), 0, 1'234) + counted.tries();
    }() == 1'235);
    CHECK(sizeof(backoff) <= 8);
}

TEST_CASE("the names of steps are those of the enumerators") {
    CHECK(name(next_step::stop) == "stop");
    CHECK(name(next_step::come_back) == "come_back");
    CHECK(name(next_step::renew_credentials) == "renew_credentials");
    CHECK(name(next_step::go_elsewhere) == "go_elsewhere");
    CHECK(name(next_step{4}) == "stop");
    CHECK(name(next_step{255}) == "stop");
}

TEST_CASE("advice is equal if its step and both bounds are") {
    const advice one{next_step::come_back, 1, 2};
    CHECK(one == advice{next_step::come_back, 1, 2});
    CHECK_FALSE(one != advice{next_step::come_back, 1, 2});
    CHECK(one != advice{next_step::go_elsewhere, 1, 2});
    CHECK(one != advice{next_step::come_back, 0, 2});
    CHECK(one != advice{next_step::come_back, 1, 3});
}
