// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// What the servers of others say in their close codes, as tables of advice: published_codes CODE shows what a client of
// each does. The tables are as published in November 2026.

#include <cstdlib>
#include <iostream>

#include <wsclose.hpp>

using wsclose::close_code;
using wsclose::next_step;

constexpr wsclose::advice stop{next_step::stop};
constexpr wsclose::advice come_back{next_step::come_back};

// Discord's gateway: docs.discord.com, "Opcodes and Status Codes", column "Reconnect". Whether the session can be
// resumed is a question of its own.
enum class discord_code {
    unknown_error         = 4000,
    unknown_opcode        = 4001,
    decode_error          = 4002,
    not_authenticated     = 4003,
    authentication_failed = 4004,
    already_authenticated = 4005,
    invalid_seq           = 4007,
    rate_limited          = 4008,
    session_timed_out     = 4009,
    invalid_shard         = 4010,
    sharding_required     = 4011,
    invalid_api_version   = 4012,
    invalid_intents       = 4013,
    disallowed_intents    = 4014,
};

template <>
struct wsclose::close_code_traits<discord_code> {
    static constexpr wsclose::advised_code<discord_code> codes[] = {
        {discord_code::unknown_error, "unknown_error", come_back},
        {discord_code::unknown_opcode, "unknown_opcode", come_back},
        {discord_code::decode_error, "decode_error", come_back},
        {discord_code::not_authenticated, "not_authenticated", come_back},
        {discord_code::authentication_failed, "authentication_failed", stop},
        {discord_code::already_authenticated, "already_authenticated", come_back},
        {discord_code::invalid_seq, "invalid_seq", come_back},
        {discord_code::rate_limited, "rate_limited", come_back},
        {discord_code::session_timed_out, "session_timed_out", come_back},
        {discord_code::invalid_shard, "invalid_shard", stop},
        {discord_code::sharding_required, "sharding_required", stop},
        {discord_code::invalid_api_version, "invalid_api_version", stop},
        {discord_code::invalid_intents, "invalid_intents", stop},
        {discord_code::disallowed_intents, "disallowed_intents", stop},
    };
};

// Centrifugo: centrifugal.dev, "Error and disconnect codes", and its library's ranges for codes of an application's
// own. 3000 says that the connection was closed, not that credentials are missing.
constexpr wsclose::advised_range centrifugo[] = {
    {close_code{3000}, close_code{3499}, come_back},
    {close_code{3500}, close_code{3999}, stop}, // terminal
    {close_code{4000}, close_code{4499}, come_back},
    {close_code{4500}, close_code{4999}, stop}, // terminal
};

// graphql-ws: its enum `CloseCode`, and the list of codes after which its client does not try again. 4403 (forbidden),
// 4408 and 4504 (too slow) are not in the list. Nor are some codes below 2000.
constexpr wsclose::advised_range graphql_ws[] = {
    {close_code{1002}, close_code{1004}, stop}, {close_code{1007}, close_code{1011}, stop},
    {close_code{1015}, close_code{1999}, stop}, {close_code{4004}, close_code{4005}, stop}, // bad response, bad client
    {close_code{4400}, close_code{4401}, stop}, // bad request; subscribed before the acknowledgement
    {close_code{4406}, close_code{4406}, stop}, // subprotocol
    {close_code{4409}, close_code{4409}, stop}, // subscriber exists
    {close_code{4429}, close_code{4429}, stop}, // initialised twice
    {close_code{4500}, close_code{4500}, stop}, // internal error
};

static_assert(wsclose::advise<discord_code>(discord_code::rate_limited) == come_back);
static_assert(wsclose::advise<discord_code>(discord_code::authentication_failed) == stop);
static_assert(wsclose::advise<centrifugo>(close_code{3012}) == come_back); // no pong
static_assert(wsclose::advise<centrifugo>(close_code{3500}) == stop);      // invalid token
static_assert(wsclose::advise<centrifugo>(close_code{4500}) == stop);
static_assert(wsclose::advise<graphql_ws>(close_code{4403}) == come_back);
static_assert(wsclose::advise<graphql_ws>(close_code{4401}) == stop);
static_assert(wsclose::advise<graphql_ws>(close_code::internal_error) == stop);
static_assert(wsclose::advise<graphql_ws>(close_code::service_restart).minimum == 5'000); // as without the table

int main(int count, char **arguments) {
    const auto code = static_cast<close_code>(count > 1 ? std::atoi(arguments[1]) : 4004);
    std::cout << "Discord: " << name(wsclose::advise<discord_code>(code).what) << '\n'
              << "Centrifugo: " << name(wsclose::advise<centrifugo>(code).what) << '\n'
              << "graphql-ws: " << name(wsclose::advise<graphql_ws>(code).what) << '\n';
}
