// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

#ifndef WSCLOSE_TESTS_SUPPORT_PROCESS_HPP_INCLUDED
#define WSCLOSE_TESTS_SUPPORT_PROCESS_HPP_INCLUDED

// A program that a test starts, whose lines it reads and whose status it waits for.

#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

class process {
public:
    explicit process(const std::vector<std::string> &command) {
        int out[2], err[2];
        if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0)
            throw std::runtime_error("no pipe could be made");
        std::vector<char *> arguments;
        for (const std::string &word : command)
            arguments.push_back(const_cast<char *>(word.c_str()));
        arguments.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(out[1], STDOUT_FILENO);
            ::dup2(err[1], STDERR_FILENO);
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ::close(out[1]);
        ::close(err[1]);
        out_ = out[0];
        err_ = err[0];
    }
    process(const process &)            = delete;
    process &operator=(const process &) = delete;
    ~process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(out_);
        ::close(err_);
    }

    /// The next line of standard output, without its end; empty if none comes.
    std::string line(int timeout_ms = 15000) {
        std::size_t end;
        while ((end = text_.find('\n')) == std::string::npos)
            if (!read(out_, text_, timeout_ms))
                return {};
        const std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        return line;
    }

    void signal(int number) const { ::kill(pid_, number); }

    /// Waits for the end. Returns the exit status, or -1 if a signal ended the process.
    int wait() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    /// All of standard error; after `wait()`.
    std::string errors() {
        std::string all;
        while (read(err_, all, 1000)) {
        }
        return all;
    }

private:
    static bool read(int fd, std::string &into, int timeout_ms) {
        pollfd waiting{fd, POLLIN, 0};
        if (::poll(&waiting, 1, timeout_ms) != 1)
            return false;
        char          bytes[4096];
        const ssize_t got = ::read(fd, bytes, sizeof bytes);
        if (got <= 0)
            return false;
        into.append(bytes, static_cast<std::size_t>(got));
        return true;
    }

    pid_t       pid_ = -1;
    int         out_ = -1, err_ = -1;
    std::string text_;
};

} // namespace test

#endif // WSCLOSE_TESTS_SUPPORT_PROCESS_HPP_INCLUDED
