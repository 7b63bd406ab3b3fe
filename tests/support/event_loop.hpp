// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_EVENT_LOOP_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_EVENT_LOOP_HPP_INCLUDED

// The event loop that serves an lws context: lws' own, or one of the program's that lws is a guest
// in. WSCLOSE_TEST_LOOP in the environment names it: poll, uv or glib.

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#include <libwebsockets.h>

#ifdef WSCLOSE_TEST_UV
#    include <uv.h>
#endif
#ifdef WSCLOSE_TEST_GLIB
#    include <glib.h>
#endif

namespace test {

class event_loop {
public:
    static std::string name() {
        const char *set = std::getenv("WSCLOSE_TEST_LOOP");
        return set ? set : "poll";
    }
    static std::unique_ptr<event_loop> from_environment();
    virtual ~event_loop() = default;

    /// Says in `info`, which becomes a context, which loop it is.
    virtual void prepare(lws_context_creation_info &) {}

    /// Serves until something happened.
    virtual void run_once(lws_context *context) { lws_service(context, 0); }

    /// Serves what the destroyed context has left.
    virtual void finish() {}
};

#ifdef WSCLOSE_TEST_UV
class uv_event_loop : public event_loop {
public:
    uv_event_loop() { uv_loop_init(&loop_); }
    ~uv_event_loop() override { uv_loop_close(&loop_); }
    void prepare(lws_context_creation_info &info) override {
        info.options |= LWS_SERVER_OPTION_LIBUV;
        info.foreign_loops = loops_;
    }
    void run_once(lws_context *) override { uv_run(&loop_, UV_RUN_ONCE); }
    void finish() override { uv_run(&loop_, UV_RUN_DEFAULT); }

private:
    uv_loop_t loop_{};
    void     *loops_[1] = {&loop_};
};
#endif

#ifdef WSCLOSE_TEST_GLIB
class glib_event_loop : public event_loop {
public:
    glib_event_loop() : context_(g_main_context_new()), loop_(g_main_loop_new(context_, FALSE)), loops_{loop_} {}
    ~glib_event_loop() override {
        g_main_loop_unref(loop_);
        g_main_context_unref(context_);
    }
    void prepare(lws_context_creation_info &info) override {
        info.options |= LWS_SERVER_OPTION_GLIB;
        info.foreign_loops = loops_;
    }
    void run_once(lws_context *) override { g_main_context_iteration(context_, TRUE); }
    void finish() override {
        while (g_main_context_iteration(context_, FALSE)) {
        }
    }

private:
    GMainContext *context_;
    GMainLoop    *loop_;
    void         *loops_[1];
};
#endif

inline std::unique_ptr<event_loop> event_loop::from_environment() {
#ifdef WSCLOSE_TEST_UV
    if (name() == "uv")
        return std::make_unique<uv_event_loop>();
#endif
#ifdef WSCLOSE_TEST_GLIB
    if (name() == "glib")
        return std::make_unique<glib_event_loop>();
#endif
    if (name() != "poll")
        throw std::runtime_error("the tests were built without the event loop " + name());
    return std::make_unique<event_loop>();
}

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_EVENT_LOOP_HPP_INCLUDED
