# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Drives the conformance programs against WebSocket implementations of others, and compares what the
peer saw with what wsclose reports: interop.py PROGRAMS NODE_MODULES, the directories of the conformance
programs and of npm's packages. `./dev interop` sets both up."""

import contextlib
import http.server
import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS, NODE_MODULES = map(pathlib.Path, sys.argv[1:])
PYTHON = "/usr/bin/python3"  # the distribution's, which has its packages
PATIENCE = 20  # seconds to wait for anything

CODES = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3003, 3999, 4000, 4999]
SERVER_CODES = [code for code in CODES if code != 1010]  # which is for clients
PAGE_CODES = [code for code in CODES if code == 1000 or code >= 3000]  # what browsers let a page send
TEXTS = ["", "bye", "日本語", "😀🚀", "x" * 123, "日" * 41]


# ---- what is to be expected ----


def lws_version():
    found = subprocess.run(["pkg-config", "--modversion", "libwebsockets"], stdout=subprocess.PIPE, check=True)
    return re.match(r"[\d.]+", found.stdout.decode()).group()  # distributions add to it


LWS = lws_version()


def shown(code, role):
    """What lws lets a server or a client see of a peer's code: docs/lws-behaviour.md."""
    hides = role == "server" or tuple(map(int, re.findall(r"\d+", LWS)[:2])) < (4, 2)
    return 1002 if hides and 1012 <= code <= 1014 else code


def frame(code, reason=""):
    return {"code": code, "reason": reason}


def report(code, reason, clean, initiator, received, sent):
    return {**frame(code, reason), "clean": clean, "initiator": initiator, "received": received, "sent": sent,
            "violation": None}


def peer_closed(code, reason):
    return report(code, reason, True, "peer", frame(code, reason), frame(code, reason))


def we_closed(code, reason, answer):
    return report(code, reason, True, "local", frame(answer, reason), frame(code, reason))


def cut(initiator):
    return report(1006, "", False, initiator, None, None)


def view(code, reason="", clean=True):
    return {**frame(code, reason), "clean": clean}


# ---- the programs ----


class Failure(Exception):
    pass


class Program:
    """A child that writes lines of JSON, and may read them."""

    def __init__(self, scope, *command, env=None):
        self.command = " ".join(map(str, command))
        self.errors = scope.enter_context(tempfile.TemporaryFile())
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, env=env)
        scope.callback(self.stop)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(json.loads(line.decode()))
        self.lines.put(None)

    def line(self):
        with contextlib.suppress(queue.Empty):
            line = self.lines.get(timeout=PATIENCE)
            if line is not None:
                return line
        self.errors.seek(0)
        raise Failure(f"nothing from {self.command}\n{self.errors.read().decode()[-1000:]}")

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, **command):
        self.tell(**command)
        return self.line()

    def report(self):
        line = self.line()
        return {key: value for key, value in line.items() if key not in ("event", "role")}

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdin.close()


class Server(Program):
    def __init__(self, scope, certificate=None):
        secure = ["--cert", certificate[0], "--key", certificate[1]] if certificate else []
        super().__init__(scope, PROGRAMS / "server", "--port", 0, *secure)
        self.authority = f"127.0.0.1:{self.line()['port']}"
        self.url = ("wss://" if certificate else "ws://") + self.authority
        self.reports = 0

    def report(self):
        self.reports += 1
        return super().report()


def run_client(url, certificate, *arguments):
    """The report of a client that does this."""
    with contextlib.ExitStack() as scope:
        return Program(scope, PROGRAMS / "client", "--url", url, "--ca", certificate[0], *arguments).report()


class Browser:
    """Chromium with page.html, which asks for commands over HTTP, and may import what is in the directory."""

    def __init__(self, scope, directory):
        self.log = pathlib.Path(directory) / "net-log.json"
        self.commands, self.answers = queue.Queue(), queue.Queue()
        browser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.endswith(".js"):
                    self.answer("text/javascript", (pathlib.Path(directory) / self.path[1:]).read_bytes())
                else:
                    self.answer("text/html", (HERE / "page.html").read_bytes())

            def do_POST(self):
                browser.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.answer("application/json", json.dumps(browser.commands.get()).encode())

            def answer(self, what, body):
                self.send_response(200)
                self.send_header("Content-Type", what)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scope.callback(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scope.callback(server.shutdown)
        self.errors = scope.enter_context(tempfile.TemporaryFile())
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
             "--ignore-certificate-errors", f"--user-data-dir={directory}/profile", f"--log-net-log={self.log}",
             f"http://127.0.0.1:{server.server_port}/"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True)
        scope.callback(self.stop)
        self.line()

    def line(self):
        with contextlib.suppress(queue.Empty):
            return self.answers.get(timeout=PATIENCE)
        self.errors.seek(0)
        raise Failure(f"nothing from chromium\n{self.errors.read().decode()[-1000:]}")

    def ask(self, **command):
        self.commands.put(command)
        return self.line()

    def stop(self):
        """Lets it write its log, then ends what is left of its processes."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def websockets_over_http2(self, authority):
        """How many it opened, by its own log, once it ended."""
        log = self.log.read_text(encoding="utf-8", errors="replace")
        kind = re.search(r'"HTTP2_SESSION_SEND_HEADERS":(\d+)', log).group(1)
        return sum(f'"type":{kind}}}' in line and '":protocol: websocket"' in line and
                   f'":authority: {authority}"' in line for line in log.splitlines())


# ---- the checks ----


class Checks:
    def __init__(self):
        self.passed, self.failures = 0, []

    def equal(self, name, what, expected, seen):
        if expected == seen:
            self.passed += 1
        else:
            self.failures.append(f"{name}: {what}\n  expected: {expected}\n  seen:     {seen}")

    def ending(self, name, expected_view, peer_view, expected_report, our_report):
        """Not every peer tells whether it was clean."""
        self.equal(name, "the peer saw", expected_view, {"clean": expected_view["clean"], **peer_view})
        self.equal(name, "reported", expected_report, our_report)

    def both_at_once(self, name, peer_view, our_report, yours, mine):
        """Either frame may come in before the other goes out, which is then an answer to it."""
        frames = frame(*yours), frame(*mine)
        self.equal(name, "reported", (True, True, True),
                   (our_report["received"] in frames, our_report["sent"] in frames, our_report["clean"]))
        self.equal(name, "the peer saw", our_report["sent"], {key: peer_view.get(key) for key in ("code", "reason")})


def closes(codes):
    return [(code, text) for code in codes for text in TEXTS]


def name_of(who, code, text):
    return f"{who} closes with {code}" + (f" and {len(text.encode())} bytes" if text else "")


def peer_connects(checks, peer, server, name, codes=CODES, codeless=True):
    """The peer is a client of our server."""
    def play(what, expected_view, expected_report, **command):
        answer = peer.ask(url=server.url, **command)
        checks.ending(f"{name}: {what}", expected_view, answer, expected_report, server.report())

    for code, text in closes(codes):
        seen = shown(code, "server")
        play(name_of("the peer", code, text), view(seen, text), peer_closed(seen, text), close=[code, text])
    if codeless:
        play("the peer closes without a code", view(1005), peer_closed(1005, ""), close=[])
    for how in "close", "close-soon", "close-thread":
        for code, text in closes(SERVER_CODES if how == "close" else [4000]):
            play(name_of(how, code, text), view(code, text), we_closed(code, text, shown(code, "server")),
                 send=f"{how} {code} {text}".strip())
    play("drop", view(1006, clean=False), cut("local"), send="drop")
    answer = peer.ask(url=server.url, send="close 4000 mine", close=[3000, "yours"])
    checks.both_at_once(f"{name}: both close at once", answer, server.report(), (3000, "yours"), (4000, "mine"))


def peer_listens(checks, peer, url, certificate, name):
    """Our client is the peer's."""
    def play(what, expected_view, expected_report, *arguments):
        our_report = run_client(url, certificate, *arguments)
        checks.ending(f"{name}: {what}", expected_view, peer.line(), expected_report, our_report)

    for code, text in closes(CODES):
        play(name_of("the client", code, text), view(code, text), we_closed(code, text, shown(code, "client")),
             "--close", code, text)
    for code, text in closes(SERVER_CODES):
        seen = shown(code, "client")
        play(name_of("the peer", code, text), view(seen, text), peer_closed(seen, text),
             "--send", f"close {code} {text}".strip())
    play("the peer drops", view(1006, clean=False), cut("transport"), "--send", "drop")
    our_report = run_client(url, certificate, "--send", "close 4000 yours", "--close", 3000, "mine")
    checks.both_at_once(f"{name}: both close at once", peer.line(), our_report, (4000, "yours"), (3000, "mine"))


def both_ways(checks, peer, scope, certificate, codeless=True):
    hello = peer.line()
    for name, scheme, certified in ("TCP", "ws", None), ("TLS", "wss", certificate):
        server = Server(scope, certified)
        peer_connects(checks, peer, server, f"{name}, peer as client", codeless=codeless)
        answer = peer.ask(url=server.url, drop=True)
        checks.ending(f"{name}: the peer drops", view(1006, clean=False), answer, cut("transport"), server.report())
        peer_listens(checks, peer, f"{scheme}://127.0.0.1:{hello[name.lower()]}", certificate,
                     f"{name}, peer as server")
    return hello["name"] + ", TCP and TLS"


def node_ws(checks, scope, certificate):
    peer = Program(scope, "node", HERE / "ws_peer.js", *certificate, env={**os.environ, "NODE_PATH": str(NODE_MODULES)})
    return both_ways(checks, peer, scope, certificate)


def python_websockets(checks, scope, certificate):
    peer = Program(scope, PYTHON, HERE / "websockets_peer.py", *certificate)
    return both_ways(checks, peer, scope, certificate, codeless=False)  # its API always sends one


def lws(checks, scope, certificate):
    """Both reports mirror each other, but for the codes that lws hides."""
    for name, certified in ("TCP", None), ("TLS", certificate):
        server = Server(scope, certified)

        def play(what, server_report, client_report, *arguments):
            seen = run_client(server.url, certificate, *arguments)
            checks.equal(f"{name}: {what}", "the client reported", client_report, seen)
            checks.equal(f"{name}: {what}", "the server reported", server_report, server.report())

        for code, text in closes(CODES):
            seen = shown(code, "server")
            play(name_of("client", code, text), peer_closed(seen, text), we_closed(code, text, shown(seen, "client")),
                 "--close", code, text)
        for code, text in closes(SERVER_CODES):
            seen = shown(code, "client")
            play(name_of("server", code, text), we_closed(code, text, shown(seen, "server")), peer_closed(seen, text),
                 "--send", f"close {code} {text}".strip())
        play("drop", cut("local"), cut("transport"), "--send", "drop")
    return f"lws {LWS} at both ends, TCP and TLS"


def chromium(checks, scope, certificate):
    version = subprocess.run(["chromium", "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    directory = pathlib.Path(certificate[0]).parent
    servers = {name: Server(scope, certified) for name, certified in
               {"TCP": None, "TLS": certificate, "HTTP/2": certificate}.items()}
    with contextlib.ExitStack() as running:
        browser = Browser(running, directory)
        for name, server in servers.items():
            if name == "HTTP/2":  # a WebSocket uses an HTTP/2 session if there is one, and never opens one
                browser.ask(fetch=f"https://{server.authority}/")
            peer_connects(checks, browser, server, name, PAGE_CODES)
            browser.ask(url=server.url, send="hello", leave=True)
            if name != "HTTP/2":
                checks.equal(f"{name}: the page is left", "reported", peer_closed(1001, ""), server.report())
    # Over HTTP/2 the page resets its stream, of which lws before 5.0 takes no notice; now the session is gone too.
    checks.equal("HTTP/2: the page is left", "reported", cut("transport"), servers["HTTP/2"].report())
    for name, server in servers.items():
        checks.equal(name, "WebSockets over HTTP/2", server.reports if name == "HTTP/2" else 0,
                     browser.websockets_over_http2(server.authority))
    return f"Chromium {version.stdout.decode().split()[1]}, TCP, TLS and HTTP/2"


def typescript(checks, scope, certificate):
    """The module for browsers says what the server's program says, for each code."""
    program = PROGRAMS.parent.parent / "docs/browser_codes"
    directory = pathlib.Path(certificate[0]).parent
    module = directory / "close_codes.ts"
    module.write_bytes(subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout)
    subprocess.run(["node", NODE_MODULES / "typescript/bin/tsc", "--strict", "--target", "es2022", "--module", "es2022",
                    module], check=True)
    expected = subprocess.run([program, "all"], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    with contextlib.ExitStack() as running:
        seen = Browser(running, directory).ask(module="/close_codes.js")
    checks.equal("codes", "exported", {"kicked": 4001, "banned": 4003, "token_expired": 4010}, seen["codes"])
    checks.equal("advice", "codes", 65536, len(seen["advice"]))
    for code, pair in enumerate(zip(expected, seen["advice"])):
        checks.equal(f"advice for {code}", "what, minimum, maximum", *pair)
    checks.equal("delays after 1006", "longest", [5000, 10000, 20000, 40000, 60000, 60000], seen["longest"])
    checks.equal("delay after 1012", "shortest", 5000, seen["shortest"])
    return "the TypeScript module in Chromium"


def refusals(checks, scope, certificate):
    """What a page is told by a server that turns it away: docs/refusing.md."""
    server = Program(scope, PROGRAMS.parent.parent / "docs/refusing", 0)
    url = f"ws://127.0.0.1:{server.line()['port']}"
    with contextlib.ExitStack() as running:
        browser = Browser(running, pathlib.Path(certificate[0]).parent)
        for path, code, reason in [("/full", 1013, "all seats are taken"), ("/banned", 4003, "until Monday"),
                                   ("/no-token", 3000, "log in first")]:
            checks.equal(path, "accepted, then closed", {**view(code, reason), "opened": True},
                         browser.ask(url=url + path, protocol="chat"))
            checks.equal(path, "refused over HTTP", view(1006, clean=False),
                         browser.ask(url=url + path, protocol="chat-http"))
    return "a page in Chromium that is turned away"


def body(code, text=b""):
    return code.to_bytes(2, "big") + text


def wire(payload):
    return (bytes([0x88, len(payload)]) + payload).hex()


def http2(checks, scope, certificate):
    """The bytes of Close frames over HTTP/2, and how the streams end."""
    peer = Program(scope, "node", HERE / "h2_peer.js", certificate[0])
    name = peer.line()["name"]
    server = Server(scope, certificate)
    url = "https://" + server.authority

    def message(text):
        return [0x81, text.encode().hex()]

    def play(what, frames, then, expected_bytes, expected_report):
        answer = peer.ask(url=url, frames=frames, then=then)
        checks.equal(what, "the peer saw", {"bytes": expected_bytes, "ended": True, "reset": 0, "sessions": 1}, answer)
        checks.equal(what, "reported", expected_report, server.report())

    def refused(code, text, violation):
        return {**report(code, text, False, "peer", None, frame(code, text)), "violation": violation}

    def peer_closes(what, sent, answer, expected_report, then=None):
        play("the peer closes with " + what, [[0x88, sent.hex()]], then, wire(answer), expected_report)

    for code, text in closes(CODES):
        sent, seen = body(code, text.encode()), shown(code, "server")
        peer_closes(f"{code} {text}", sent, body(seen, text.encode()), peer_closed(seen, text))
        peer_closes(f"{code} {text} and END_STREAM", sent, body(seen, text.encode()), peer_closed(seen, text), "end")
    peer_closes("an empty body", b"", b"", peer_closed(1005, ""))
    for sent, code, text, violation in [
        (b"\x03", 1002, "Close frame with half a code", "truncated_code"),
        (body(5000, b"why"), 1002, "Close frame with a forbidden code", "forbidden_code"),
        (body(65535), 1002, "Close frame with a forbidden code", "forbidden_code"),
        (body(1000, b"\xff"), 1007, "Close frame with text that is not UTF-8", "invalid_utf8"),
        (body(1000, b"\xed\xa0\x80"), 1007, "Close frame with text that is not UTF-8", "invalid_utf8"),
        (body(1000, b"x" * 122 + b"\xc3"), 1007, "Close frame with text that is not UTF-8", "invalid_utf8"),
    ]:
        peer_closes(sent.hex(), sent, body(code, text.encode()), refused(code, text, violation))
    for code in 999, 1004, 1005, 1006, 1015, 2999:  # see shown()
        peer_closes(str(code), body(code, b"why"), body(1002, b"why"), peer_closed(1002, "why"))

    for how in "close", "close-soon", "close-thread":
        for code, text in closes(SERVER_CODES):
            for then in "answer", "answer and end":
                play(f"{how} {code} {text}, {then}", [message(f"{how} {code} {text}".strip())], then,
                     wire(body(code, text.encode())), we_closed(code, text, shown(code, "server")))
    play("close 1010", [message("close 1010 why")], "answer", wire(body(1011, b"why")), we_closed(1011, "why", 1011))
    play("an echo goes out before the close", [message("hello"), message("close 4000")], "answer",
         b"\x81\x05hello".hex() + wire(body(4000)), we_closed(4000, "", 4000))
    play("both close at once", [message("close 4000 mine"), [0x88, body(1000, b"yours").hex()]], None,
         wire(body(4000, b"mine")), report(1000, "yours", True, "peer", frame(1000, "yours"), frame(4000, "mine")))
    play("drop", [message("drop")], None, "", cut("local"))
    play("a close that is not answered", [message("close 4000 mine")], None, wire(body(4000, b"mine")),
         report(4000, "mine", False, "local", None, frame(4000, "mine")))

    streams = range(20)
    for _ in streams:
        peer.tell(url=url, frames=[message("close-soon 4000 mine")], then="answer")
    for _ in streams:
        checks.equal("20 streams at once", "the peer saw", wire(body(4000, b"mine")), peer.line()["bytes"])
        checks.equal("20 streams at once", "reported", we_closed(4000, "mine", 4000), server.report())

    # lws takes no notice of a stream that is ended without a Close frame, and before 5.0 of one that
    # is reset, but by the end of the session they are reported.
    endings = ["reset", "end", "disconnect"]
    for then in endings:
        peer.ask(url=url, frames=[message("hello")], then=f"echo, then {then}")
    for then in endings:
        checks.equal(", ".join(endings), "reported", cut("transport"), server.report())
    return name


def missing():
    """What is not there, as the package that has it."""
    for command, package in ("node", "nodejs"), ("chromium", "chromium"), ("openssl", "openssl"):
        if not shutil.which(command):
            yield package
    if subprocess.run([PYTHON, "-c", "import websockets"], stderr=subprocess.DEVNULL).returncode != 0:
        yield "python3-websockets"
    for package in "ws", "typescript":
        if not (NODE_MODULES / package).is_dir():
            yield f"{package} in {NODE_MODULES} (npm ci)"


def main():
    lacks = list(missing())
    if lacks:
        print("interop: missing:", ", ".join(lacks) + "; ./dev interop installs all of it", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of the clean-up
    failed = False
    for suite in node_ws, python_websockets, chromium, typescript, refusals, http2, lws:
        checks, name = Checks(), suite.__name__
        with contextlib.ExitStack() as scope:
            directory = pathlib.Path(tempfile.mkdtemp(prefix="wsclose-interop-"))
            scope.callback(shutil.rmtree, directory, ignore_errors=True)
            certificate = (directory / "cert.pem", directory / "key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                            "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                            "-days", "2", "-out", certificate[0], "-keyout", certificate[1]], check=True,
                           stderr=subprocess.DEVNULL)
            try:
                name = suite(checks, scope, certificate)
            except Failure as failure:
                checks.failures.append(f"{name}: {failure}")
        print("\n".join([f"{name}: {checks.passed} of {checks.passed + len(checks.failures)} checks passed",
                         *checks.failures]), flush=True)
        failed = failed or bool(checks.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
