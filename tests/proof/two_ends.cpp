// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Proves what two ends of one connection can do: two real `close_handshake` objects, and between them a network that
// keeps the order of what it carries, but may break at any time and lose the rest. Every state that they can reach is
// visited, breadth first. broken_promise() says what must hold in each.

#include <array>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <wsclose/close_handshake.hpp>
#include <wsclose/format.hpp>

using namespace wsclose;

namespace {

using state = close_handshake::state;

const std::string fin = "the end of the stream"; // no Close frame has this body

std::string body_of(const close_frame *frame) {
    return frame ? std::string(reinterpret_cast<const char *>(frame->data()), frame->size()) : "none";
}

struct end {
    close_handshake          handshake;
    std::vector<std::string> incoming; // bodies of Close frames, and `fin`, on their way to this end
    std::vector<std::string> written;  // what it has put onto the wire
    std::vector<std::string> read;
    bool                     must_end     = false; // the handshake has told it to
    bool                     has_failed   = false; // to write a frame; it does so once
    bool                     is_blind     = false; // it could not read a frame
    bool                     has_given_up = false; // it ended the connection before the handshake told it to
    bool                     was_second   = false; // the peer's frame came before it had written one

    const close_report &report() const { return handshake.report(); }
    bool                is(state what) const { return handshake.current() == what; }
};

struct world {
    std::array<end, 2> ends;
    bool               is_broken = false; // the network

    bool is_over() const { return ends[0].is(state::closed) && ends[1].is(state::closed); }
};

std::string key_of(const world &now) {
    std::string key;
    for (const end &one : now.ends) {
        write_json(one.report(), [&key](std::string_view text) { key += text; });
        key += body_of(one.handshake.requested()) + static_cast<char>('0' + static_cast<int>(one.handshake.current()));
        for (const auto *bodies : {&one.incoming, &one.written, &one.read}) {
            for (const std::string &body : *bodies)
                key += body + ',';
            key += ';';
        }
        for (const bool flag :
             {one.must_end, one.has_failed, one.is_blind, one.has_given_up, one.was_second, now.is_broken})
            key += flag ? '1' : '0';
    }
    return key;
}

struct step {
    std::string what;
    bool        must_come; // sooner or later, and nobody has to decide it
    world       after;
};

class steps_from {
public:
    explicit steps_from(const world &now) : now_(now) {
        for (me_ = 0; me_ < 2; ++me_)
            if (!now.ends[me_].is(state::closed))
                of_one_end(now.ends[me_]);
        if (!now.is_broken)
            of_the_network();
    }
    const std::vector<step> &list() const { return list_; }

private:
    enum whether { may, must };

    template <class Change>
    void add(const char *what, whether it, Change change) {
        list_.push_back({std::string(me_ == 0 ? "client " : "server ") + what, it == must, now_});
        change(list_.back().after.ends[me_], list_.back().after);
    }

    void of_one_end(const end &mine) {
        if (mine.is(state::open)) {
            add("asks to close", may, [&](end &me, world &) { me.handshake.request(frame(4001)); });
            add("fails the connection", may, [&](end &me, world &) { me.handshake.fail(frame(1002)); });
        }
        if (mine.handshake.requested() && !now_.is_broken)
            add("writes", must, [&](end &me, world &all) { write(me, me.handshake.send(), all); });
        if (mine.handshake.requested() && !mine.has_failed)
            add("fails to write", may, [&](end &me, world &) {
                me.handshake.send();
                fail_to_write(me);
            });
        if (!mine.incoming.empty())
            take(mine.incoming.front());
        else if (now_.is_broken)
            add("sees the reset", must, [&](end &me, world &all) { leave(me, all, cause::reset); });
        if (mine.must_end)
            add("ends TCP", must, [&](end &me, world &all) { leave(me, all, cause::unknown); });
        else
            add("drops the connection, or waits no longer", mine.report().sent() ? must : may,
                [&](end &me, world &all) {
                    me.has_given_up = true;
                    leave(me, all, me.report().sent() ? cause::no_answer : cause::dropped);
                });
    }

    void take(const std::string &next) {
        if (next == fin) {
            add("sees the end of the stream", must, [&](end &me, world &all) { leave(me, all, cause::fin); });
            return;
        }
        const auto read = [&](end &me) {
            me.incoming.erase(me.incoming.begin());
            me.read.push_back(next);
            me.was_second           = me.written.empty();
            const close_step answer = me.handshake.receive(close_frame::parse(next));
            me.must_end             = answer != close_step::none;
            return answer;
        };
        add("reads a frame", must, [&](end &me, world &all) { write(me, read(me), all); });
        if (!now_.ends[me_].has_failed && now_.ends[me_].report().sent() == nullptr)
            add("reads a frame and fails to answer", may, [&](end &me, world &) {
                read(me);
                fail_to_write(me);
            });
        add("cannot read a frame", may, [&](end &me, world &) {
            me.incoming.erase(me.incoming.begin());
            me.is_blind   = true;
            me.was_second = me.is(state::open);
            me.must_end   = me.handshake.receive_unseen() != close_step::none;
        });
    }

    // The network breaks; on each way, what comes last is lost: nothing, a part, or all.
    void of_the_network() {
        for (std::size_t left = 0; left <= now_.ends[0].incoming.size(); ++left)
            for (std::size_t right = 0; right <= now_.ends[1].incoming.size(); ++right) {
                list_.push_back({"the network breaks", false, now_});
                world &after    = list_.back().after;
                after.is_broken = true;
                after.ends[0].incoming.resize(left);
                after.ends[1].incoming.resize(right);
            }
    }

    close_frame frame(unsigned code) const {
        return close_frame::fit(close_code(code), me_ == 0 ? "the client's" : "the server's");
    }
    void send(const std::string &what, world &all) const {
        end &other = all.ends[1 - me_];
        if (!all.is_broken && !other.is(state::closed))
            other.incoming.push_back(what);
    }
    void write(end &me, close_step next, world &all) const {
        if (next != close_step::send && next != close_step::send_and_end)
            return;
        me.written.push_back(body_of(me.report().sent()));
        send(me.written.back(), all);
    }
    static void fail_to_write(end &me) {
        me.handshake.lose();
        me.has_failed = true;
    }
    void leave(end &me, world &all, cause why) const {
        me.handshake.transport_closed(why);
        me.incoming.clear();
        send(fin, all);
    }

    const world      &now_;
    std::size_t       me_ = 0;
    std::vector<step> list_;
};

/// What is wrong with one end; null if nothing is.
const char *broken_promise(const end &mine, const end &other) {
    const close_report &report = mine.report();
    if (mine.written.size() > 1)
        return "two Close frames on one way";
    if (body_of(report.sent()) != (mine.written.empty() ? "none" : mine.written[0]))
        return "the report says that another frame was sent than was";
    if (body_of(report.received()) != (mine.read.empty() ? "none" : mine.read[0]))
        return "the report says that another frame was received than was";
    if (report.received() && body_of(report.received()) != body_of(other.report().sent()))
        return "one end received what the other does not report as sent";
    if (report.clean() != (!mine.written.empty() && (!mine.read.empty() || mine.is_blind)))
        return "clean without a frame each way, or not clean with both";
    if ((report.initiator() == initiator::peer) != mine.was_second)
        return "the report does not say whose frame came first";
    if (report.initiator() == initiator::peer &&
        (other.written.empty() || other.report().initiator() == initiator::peer ||
         other.report().initiator() == initiator::transport))
        return "an end says that its peer closed, and the peer says otherwise";
    if (report.initiator() == initiator::peer && report.received() && report.code() != other.report().code())
        return "both agree on who closed, but not on the code";
    if (mine.is(state::closed) && report.cause() == cause::unknown && !mine.is_blind && !mine.has_failed)
        return "the end is over, and nothing says why";
    close_handshake again = mine.handshake;
    if (!mine.is(state::open) && again.request({}))
        return "a second close is accepted";
    again = mine.handshake;
    if (!again.requested() && again.send() != close_step::none)
        return "a frame is to be sent that nobody has asked for";
    return nullptr;
}

const char *broken_promise(const world &now, const steps_from &next) {
    for (std::size_t i = 0; i < 2; ++i)
        if (const char *broken = broken_promise(now.ends[i], now.ends[1 - i]))
            return broken;
    bool goes_on = false, has_begun = now.is_broken, is_explained = now.is_broken, has_closed = false;
    for (const step &one : next.list())
        goes_on |= one.must_come;
    for (const end &one : now.ends) {
        has_begun |= !one.is(state::open);
        is_explained |= one.has_failed || one.is_blind || one.has_given_up;
        has_closed |= !one.written.empty();
    }
    if (has_begun && !goes_on && !now.is_over())
        return "the end has begun, and does not come";
    if (now.is_over() && has_closed && !is_explained && !(now.ends[0].report().clean() && now.ends[1].report().clean()))
        return "nothing was lost, and yet an end was not clean";
    return nullptr;
}

struct visited {
    std::size_t came_from; // the state before, and the step
    std::string by;
    world       here;
    std::size_t ways = 0; // how many steps lead here
};

void print_way_to(std::size_t which, const std::vector<visited> &all) {
    if (which != 0)
        print_way_to(all[which].came_from, all);
    std::printf("  %s\n", all[which].by.c_str());
}

} // namespace

int main() {
    std::vector<visited>                  all    = {{0, "open", {}}};
    std::map<std::string, std::size_t>    places = {{key_of({}), 0}};
    std::vector<std::vector<std::size_t>> leads_to; // in the same order
    std::size_t                           steps = 0, over = 0, clean = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const world      here = all[i].here;
        const steps_from next(here);
        if (const char *broken = broken_promise(here, next)) {
            std::printf("broken: %s\n", broken);
            print_way_to(i, all);
            return 1;
        }
        over += here.is_over();
        clean += here.is_over() && here.ends[0].report().clean() && here.ends[1].report().clean();
        leads_to.emplace_back();
        for (const step &one : next.list()) {
            const auto place = places.try_emplace(key_of(one.after), all.size()).first->second;
            if (place == all.size())
                all.push_back({i, one.what, one.after});
            ++all[place].ways;
            leads_to[i].push_back(place);
            ++steps;
        }
    }

    // No state is reached twice by any run: then every run comes to an end, and only both ends over is one.
    std::vector<std::size_t> done = {0};
    for (std::size_t i = 0; i < done.size(); ++i)
        for (const std::size_t place : leads_to[done[i]])
            if (--all[place].ways == 0)
                done.push_back(place);
    if (done.size() != all.size()) {
        std::printf("broken: two ends can go on for ever\n");
        return 1;
    }
    std::printf("two ends: %zu states, %zu steps; in %zu states both ends are over, in %zu of these cleanly\n",
                all.size(), steps, over, clean);
    return 0;
}
