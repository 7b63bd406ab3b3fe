# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Ports the programs beside this file, which are written for lws alone, by their patches. Then plays endings against
them with raw sockets, and compares the report that each program prints with what was on the wire."""

import base64
import concurrent.futures
import hashlib
import pathlib
import queue
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
STANDARD, LWS_INCLUDE, *COMPILER = sys.argv[1:]
PATIENCE = 15  # seconds; a hang takes longer, and every ending less
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
TEXT, CLOSE = 1, 8
NAMES = {1000: " normal_closure", 1001: " going_away", 1002: " protocol_error", 1008: " policy_violation"}
HALF_A_CODE = b"\x03"


class Failure(Exception):
    pass


# The end of a report's line: the cause, which tests/faults checks, and for how long the connection was open.
REST = re.compile(r"( \((dropped|fin|reset|lost|no_answer|not_reading|no_pong|context_destroyed)\))?( after \d+ s)?$")


def expect(expected, seen, what):
    if expected != seen:
        raise Failure(f"{what}\n  expected: {expected}\n  seen:     {seen}")


def body(code, text=""):
    return struct.pack("!H", code) + text.encode()


def report(who, sent=None, received=None):
    """The line of a report, by the bodies of the Close frames on the wire; None: there was no such frame."""
    if sent is None and received is None:
        return f"closed by {who}, not cleanly: 1006 abnormal_closure"
    named = set()

    def words(frame):
        if frame is None:
            return "nothing"
        if len(frame) == 1:
            return "an invalid frame (truncated_code)"
        code = struct.unpack("!H", frame[:2])[0]
        name = NAMES.get(code, "") if code not in named else ""
        named.add(code)
        return f"{code}{name}" + (f' "{frame[2:].decode()}"' if frame[2:] else "")

    clean = sent is not None and received is not None and received != HALF_A_CODE
    directions = [("sent ", sent), ("received ", received)]
    first, second = (name + words(frame) for name, frame in (reversed(directions) if who == "the peer" else directions))
    return (f"closed cleanly by {who}: " if clean else f"closed by {who}, not cleanly: ") + f"{first}, {second}"


# ---- building ----


def pkg_config(*options):
    return subprocess.run(["pkg-config", *options, "libwebsockets"], check=True, capture_output=True, text=True).stdout.strip()


def build(source, out, *options):
    command = [*COMPILER, "-std=" + STANDARD, "-g", "-pthread", "-Wall", "-Wextra", "-Werror", *SANITIZERS, *options,
               str(source), "-o", str(out), "-I", LWS_INCLUDE, *pkg_config("--cflags", "--libs").split(),
               "-Wl,-rpath," + pkg_config("--variable=libdir")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{source.name} does not compile:\n{done.stderr}")
    return out


def patched(text, patch):
    """The text with a unified diff applied, which must fit exactly."""
    lines = text.splitlines(True)
    for number, hunk in reversed(re.findall(r"^@@ -(\d+).*\n((?:[ +-].*\n)+)", patch, re.MULTILINE)):
        old, new = ([line[1:] for line in hunk.splitlines(True) if line[0] in " " + sign] for sign in "-+")
        begin = int(number) - 1
        expect(old, lines[begin:begin + len(old)], f"line {number}, by the patch")
        lines[begin:begin + len(old)] = new
    return "".join(lines)


def ported(name, directory, edits):
    """The program with its patch, and then with `edits`, which are pairs of an old and a new text."""
    text = patched((HERE / f"{name}.cpp").read_text(), (HERE / f"{name}.patch").read_text())
    for old, new in edits:
        expect(1, text.count(old), f"how often {old!r} is in {name}.cpp")
        text = text.replace(old, new)
    source = directory / f"{name}.cpp"
    source.write_text(text)
    return build(source, directory / "ported", "-I", str(HERE.parent.parent / "include"))


# ---- the program ----


class Program:
    def __init__(self, file, *arguments):
        self.errors = tempfile.TemporaryFile()
        suppressions = f"suppressions={HERE / 'leaks'}:print_suppressions=0"
        self.process = subprocess.Popen([str(file), *map(str, arguments)], stdout=subprocess.PIPE, stderr=self.errors,
                                        env={"ASAN_OPTIONS": "detect_leaks=1", "LSAN_OPTIONS": suppressions})
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def read(self):
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(REST.sub("", line.decode().rstrip("\n")))
        self.lines.put(None)

    def line(self, what):
        """The next line that it prints, or None if it has ended."""
        try:
            return self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise Failure(f"{what}: nothing was printed\n{self.log()}") from None

    def expect(self, line, what):
        expect(line, self.line(what), what)

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def end(self, what, by=None):
        """Waits for the end, which must be a good one. The program may miss a signal that comes before it waits."""
        begin = time.monotonic()
        while self.process.poll() is None and time.monotonic() < begin + PATIENCE:
            if by:
                self.process.send_signal(by)
            try:
                self.process.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
        if self.process.returncode != 0:
            raise Failure(f"{what}: it ended with {self.process.returncode}\n{self.log()}")


# ---- the peer ----


class Peer:
    """One end of a WebSocket, by hand."""

    def __init__(self, connection, masks):
        self.socket, self.masks, self.unread = connection, masks, b""
        self.socket.settimeout(PATIENCE)
        self.received = None  # the body of the program's Close frame
        self.sent = None      # the body of ours

    def send(self, opcode, payload=b"", first=0x80):
        mask = b"\x01\x02\x03\x04" if self.masks else b""
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload
        self.socket.sendall(bytes([first | opcode, (0x80 if mask else 0) | len(payload)]) + mask + masked)

    def send_close(self, payload):
        self.sent = payload
        self.send(CLOSE, payload)

    def take(self, count):
        while len(self.unread) < count:
            try:
                got = self.socket.recv(4096)
            except ConnectionResetError:
                got = b""
            except socket.timeout:
                raise Failure("the program neither sends nor ends TCP") from None
            if not got:
                return None
            self.unread += got
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    def frame(self):
        """The next frame, as opcode and payload; None at the end of the stream."""
        head = self.take(2)
        if head is None:
            return None
        mask = self.take(4) if head[1] & 0x80 else b""
        payload = self.take(head[1] & 0x7F)
        if mask:
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        if head[0] & 15 == CLOSE:
            expect(None, self.received, "a second Close frame")
            self.received = payload
        return head[0] & 15, payload

    def expect_close(self, payload):
        expect((CLOSE, payload), self.frame(), "the Close frame on the wire")

    def expect_end(self):
        expect(None, self.frame(), "behind the last frame")

    def head(self):
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            got = self.take(1)
            if got is None:
                break
            text += got
        return text.decode()

    def hello(self):
        """A message is answered by one."""
        self.send(TEXT, b"hello")
        expect(TEXT, (self.frame() or [None])[0], "the answer to a message")

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def connect(port):
    return Peer(socket.create_connection(("127.0.0.1", port), PATIENCE), masks=True)


def upgrade(port, protocol):
    peer = connect(port)
    peer.socket.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                        f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n".encode())
    return peer, peer.head()


def accept(listener):
    peer = Peer(listener.accept()[0], masks=False)
    request = peer.head()
    key = next(line.split(": ")[1] for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    peer.answer = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\nSec-WebSocket-Protocol: echo\r\n\r\n")
    return peer


# ---- endings of an open connection: each returns who ends it ----


def peer_closes(peer, _):
    peer.send_close(body(4001, "done"))
    peer.expect_close(body(4001, "done"))
    return "the peer"


def peer_sends_half_a_code(peer, _):
    peer.send_close(HALF_A_CODE)
    peer.expect_close(body(1002, "Close frame with half a code"))
    return "the peer"


def peer_ends_tcp(peer, _):
    peer.socket.shutdown(socket.SHUT_WR)
    return "the transport"


def peer_resets(peer, _):
    peer.reset()
    return "the transport"


def peer_breaks_the_protocol(peer, _):
    peer.send(TEXT, b"x", first=0xF0)
    if peer.masks:  # a client's lws sends nothing then
        peer.expect_close(body(1002, "rsv bits"))
    return "the library"


def ask_to_close(peer, answers):
    peer.send(TEXT, b"close")
    seen = [peer.frame() for _ in range(len(answers))]
    expect(answers, seen, "before and in the Close frame")
    return "us"


def program_closes(peer, answers):
    ask_to_close(peer, answers)
    peer.send_close(peer.received)
    return "us"


def program_closes_and_peer_answers_otherwise(peer, answers):
    ask_to_close(peer, answers)
    peer.send(TEXT, b"late")
    peer.send_close(body(4003, "mine"))
    return "us"


def program_closes_and_peer_is_silent(peer, answers):
    return ask_to_close(peer, answers)


ENDINGS = [peer_closes, peer_sends_half_a_code, peer_ends_tcp, peer_resets, peer_breaks_the_protocol, program_closes,
           program_closes_and_peer_answers_otherwise, program_closes_and_peer_is_silent]


def play(peer, ending, answers):
    """Plays it to the end of the stream. Returns the report that is due."""
    who = ending(peer, answers)
    if ending is not peer_resets:
        peer.expect_end()
        peer.socket.close()
    return report(who, sent=peer.received, received=peer.sent)


# ---- servers ----


class Server(Program):
    def __init__(self, file, protocol):
        super().__init__(file)
        self.port, self.protocol = int(self.line("the port").split()[1]), protocol

    def open(self):
        peer, head = upgrade(self.port, self.protocol)
        expect("HTTP/1.1 101", head[:12], "the answer to the upgrade")
        peer.hello()
        return peer


def play_all(server, answers):
    for ending in ENDINGS:
        due = play(server.open(), ending, answers)
        server.expect(due, ending.__name__)
    peers = [(server.open(), ending) for ending in ENDINGS]
    with concurrent.futures.ThreadPoolExecutor(len(peers)) as pool:
        due = [future.result() for future in [pool.submit(play, peer, ending, answers) for peer, ending in peers]]
    expect(sorted(due), sorted(server.line("many at once") for _ in peers), "many at once")
    refused, head = upgrade(server.port, "nobody-has-this")
    expect(False, head.startswith("HTTP/1.1 101"), "an upgrade to an unknown protocol was accepted")
    refused.socket.close()
    plain = connect(server.port)
    plain.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    expect("HTTP/1.1 404", plain.head()[:12], "the answer to a plain request")
    plain.socket.close()
    server.expect(play(server.open(), peer_closes, answers), "after the requests, which have no report")


def stop_with_one_open(server):
    peer = server.open()
    server.end("stopped", by=signal.SIGTERM)
    line = server.line("the report of the connection that was open") or ""
    expect(" not cleanly: 1006 abnormal_closure", line[line.find(" not"):], line)
    server.expect(None, "after the last report")
    peer.socket.close()


def stop_with_goodbye(server, _=None):
    polite, silent = server.open(), server.open()
    for _ in range(2 * PATIENCE):  # it may miss a signal that comes before it waits
        server.process.send_signal(signal.SIGTERM)
        if select.select([polite.socket], [], [], 0.5)[0]:
            break
    for peer in polite, silent:
        peer.expect_close(body(1001, "the server stops"))
    polite.send_close(polite.received)
    server.expect(report("us", polite.received, polite.sent), "the peer that answers")
    server.expect(report("us", silent.received, None), "the silent peer")
    server.end("stopped", by=signal.SIGTERM)
    server.expect(None, "after the last report")


def kick(server):
    """One connection closes another. The program writes in every writeable callback, of which the close brings one."""
    admin = server.open()

    def tell(text):
        admin.send(TEXT, text)
        expect((TEXT, b"done"), admin.frame(), "the admin goes on")

    for answers in True, False:
        guest = server.open()
        guest.send(TEXT, b"name guest")
        expect((TEXT, b"done"), guest.frame(), "a name")
        tell(b"kick guest")
        expect([(TEXT, b"done"), (CLOSE, body(4002, "kicked"))], [guest.frame(), guest.frame()], "kicked")
        if answers:
            guest.send_close(guest.received)
        guest.expect_end()
        server.expect(report("us", guest.received, guest.sent), "kicked")
        tell(b"kick guest")  # who is no longer there
    gone = server.open()
    gone.send(TEXT, b"name gone")
    gone.frame()
    gone.reset()
    tell(b"kick gone")
    line = server.line("kicked while it goes")
    expect(True, line in (report("the transport"), report("us"), report("us", body(4002, "kicked"))), line)
    admin.send(TEXT, b"name admin")
    admin.frame()
    admin.send(TEXT, b"kick admin")
    while (admin.frame() or [CLOSE])[0] != CLOSE:
        pass
    admin.send_close(admin.received)
    admin.expect_end()
    server.expect(report("us", body(4002, "kicked"), admin.sent), "an admin who kicks himself")


BYE = [(CLOSE, body(1000, "bye"))]
SERVERS = {  # name: protocol, what comes when it closes, what else is played, how it ends
    "placement_new": ("echo", BYE, None, stop_with_one_open),
    "memset": ("echo", BYE, None, stop_with_one_open),
    "session_pointer": ("echo", BYE, None, stop_with_one_open),
    "class_instance": ("echo", BYE, None, stop_with_one_open),
    "queue": ("stream", [(TEXT, b"one"), (TEXT, b"two"), (TEXT, b"three"), *BYE], None, stop_with_one_open),
    "close_elsewhere": ("admin", BYE, kick, stop_with_one_open),
    "stop": ("count", BYE, None, stop_with_goodbye),
}
OVERWRITTEN = "the callback has overwritten the session"
WARNINGS = {"placement_new": OVERWRITTEN, "memset": OVERWRITTEN}  # one for each connection


def check_bare(name, directory):
    """The program as it was, of which wsclose is no part."""
    with Server(build(HERE / f"{name}.cpp", directory / "bare"), SERVERS[name][0]) as server:
        play(server.open(), peer_closes, [])
        server.end("the bare program", by=signal.SIGTERM)


def check_server(name, edits, warning, directory):
    protocol, answers, more, stop = SERVERS[name]
    with Server(ported(name, directory, edits), protocol) as server:
        play_all(server, answers)
        if more:
            more(server)
        stop(server)
        ours = [line for line in server.log().splitlines() if "wsclose: " in line]
        expect([], [line for line in ours if not warning or warning not in line], "what wsclose logs")
        connections = 2 * len(ENDINGS) + 2 if warning else 0
        least = min(connections, 1) if pkg_config("--modversion") >= "5" else connections  # 5.0 swallows repeated lines
        expect(True, least <= len(ours) <= connections, f"whether it logs {connections} times, but {len(ours)}: {warning}")


# ---- clients ----


def server_refuses(peer, _):
    peer.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def server_ends_tcp_at_once(peer, _):
    peer.answer = ""


def check_client(name, directory):
    """A session that exists only once the connection is established is not told of attempts that failed."""
    bare = build(HERE / f"{name}.cpp", directory / "bare")
    file = ported(name, directory, [])
    told_of_failures = name != "client_pointer"
    answers = [(CLOSE, body(1000, "close"))]
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    port = listener.getsockname()[1]

    def run(ending, file):
        with Program(file, port) as client:
            due = None
            if ending:
                peer = accept(listener)
                if ending in ENDINGS:
                    peer.socket.sendall(peer.answer.encode())
                    peer.hello()
                    due = play(peer, ending, answers)
                else:
                    ending(peer, answers)
                    peer.socket.sendall(peer.answer.encode())
                    peer.socket.close()
            client.end(ending.__name__ if ending else "connection refused")
            return due, list(iter(lambda: client.line("the end of its lines"), None)), client.log()

    run(peer_closes, bare)
    for ending in [*ENDINGS, server_refuses, server_ends_tcp_at_once, None]:
        if not ending:
            listener.close()  # so that the connection is refused
        due, printed, log = run(ending, file)
        what = f"{ending.__name__ if ending else 'connection refused'}\n{log}"
        expect(False, "wsclose: " in log, what)
        if due:
            expect([due], printed, what)
        elif told_of_failures:
            expect((1, "not connected"), (len(printed), (printed or [""])[0][:13]), what)
        else:
            expect(["failed"], printed, what)


# ---- forms that wsclose must refuse, or that differ ----


def refused_with(advice):
    def check(server):
        for _ in range(2):
            peer, head = upgrade(server.port, server.protocol)
            if head.startswith("HTTP/1.1 101"):
                peer.expect_end()
            peer.socket.close()
        server.end("refused", by=signal.SIGTERM)
        server.expect(None, "no connection, so no report")
        expect(True, advice in server.log(), f"whether it logs {advice!r}:\n{server.log()}")
    return check


def closed_at_once(server):
    peer, head = upgrade(server.port, server.protocol)
    expect("HTTP/1.1 101", head[:12], "the answer to the upgrade")
    peer.expect_close(body(1008, "no"))
    peer.send_close(peer.received)
    peer.expect_end()
    server.expect(report("us", peer.received, peer.sent), "closed in the callback that creates the session")
    server.end("closed at once", by=signal.SIGTERM)


def deleted(server):
    peer = server.open()
    peer.send(TEXT, b"close")
    peer.expect_end()
    server.expect(play(server.open(), peer_closes, []), "after a session that was deleted while it was connected")
    server.end("deleted", by=signal.SIGTERM)


def check_variant(name, edits, play_variant, directory):
    with Server(ported(name, directory, edits), SERVERS[name][0]) as server:
        play_variant(server)


VARIANTS = {
    "placement_new without what the port makes superfluous": (
        check_server, "placement_new",
        [("    case LWS_CALLBACK_ESTABLISHED: new (user) session; break;\n", ""),
         ("    case LWS_CALLBACK_CLOSED: s->~session(); break;\n", "")], None),
    "memset without what the port makes superfluous": (
        check_server, "memset",
        [("    case LWS_CALLBACK_ESTABLISHED: memset(user, 0, sizeof(struct per_session_data)); break;\n", "")], None),
    "session_pointer, but the table line does not say so": (
        check_variant, "session_pointer", [("&session::ws, session *>", "&session::ws>")],
        refused_with("write tracked<callback, &session::ws, session *>")),
    "class_instance, but no session is created": (
        check_variant, "class_instance", [("lws_set_wsi_user(wsi, new session(wsi)); break;", "break;")],
        refused_with("the connection has no session")),
    "session_pointer, closed in the callback that creates the session": (
        check_variant, "session_pointer",
        [("*slot = new session(wsi); break;",
          '*slot = new session(wsi); return wsclose::close(wsi, wsclose::close_code::policy_violation, "no");')],
        closed_at_once),
    "session_pointer, deleted while it is connected": (
        check_variant, "session_pointer",
        [("            lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, text, 3);\n            return -1;\n",
          "            (void)text;\n            delete *slot;\n            return 0;\n")], deleted),
    "class_instance, deleted while it is connected": (
        check_variant, "class_instance",
        [("return close(LWS_CLOSE_STATUS_NORMAL, \"bye\");", "return delete this, 0;")], deleted),
    "stop, with the default time to answer": (
        check_variant, "stop", [("close_timeout = 500 * LWS_US_PER_MS", "another_name  = 0")], stop_with_goodbye),
}


# ---- all of it ----


def run(check, *arguments):
    with tempfile.TemporaryDirectory() as directory:
        check(*arguments, pathlib.Path(directory))


def probe_sanitizers(directory):
    source = directory / "empty.cpp"
    source.write_text("int main() {}\n")
    build(source, directory / "empty")


def main():
    try:
        run(probe_sanitizers)
    except Failure:
        SANITIZERS.clear()
        print("the compiler has no sanitizers: the programs run without them")
    checks = {name: (check_server, name, [], WARNINGS.get(name)) for name in SERVERS}
    checks.update({name: (check_client, name) for name in ("client_pointer", "client_class", "client_thread")})
    checks.update(VARIANTS)
    checks.update({f"{name}, bare": (check_bare, name) for name in SERVERS})
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(run, *check) for name, check in checks.items()}
        for name, future in running.items():
            try:
                future.result()
            except Exception as error:  # pylint: disable=broad-except
                failures += 1
                print(f"{name}: {error!r}" if not isinstance(error, Failure) else f"{name}: {error}")
    print(f"{len(checks) - failures} of {len(checks)} programs work as they should")
    return 1 if failures else 0


sys.exit(main())
