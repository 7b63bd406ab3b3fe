# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Puts proxies between WebSocket clients and servers, ends connections in every way, and notes what both sides see.

  proxies.py                  writes the tables of docs/behind-a-proxy.md from what was measured: docs/proxies/SUITE.json
  proxies.py --check          checks that they are up to date
  proxies.py --measure PROXIED [EVENT...]
                              measures all with the program docs/tools/proxied, and writes the file of this
                              Debian and the tables; or measures these, and prints them
  proxies.py --quick PROXIED  measures what takes a few seconds, and compares it with the files, if the versions
                              are the same"""

import contextlib
import datetime
import json
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

docs = pathlib.Path(__file__).resolve().parent.parent
page = docs / "behind-a-proxy.md"
configurations = docs / "proxies"
scratch = docs.parent / "build/proxies"
CERTIFICATE = scratch / "certificate.pem"  # and its key
ROOT = scratch / "root"  # where ./dev unpacks the proxies that are not installed
ENVIRONMENT = dict(
    os.environ, LC_ALL="C", PATH=f"{ROOT}/usr/sbin:{ROOT}/usr/bin:/usr/sbin:{os.environ['PATH']}",
    LD_LIBRARY_PATH=":".join(map(str, ROOT.glob("usr/lib/*-linux-*"))))
PATIENCE = 20  # seconds to wait for what must happen


class Failure(Exception):
    pass


stopped = threading.Event()


# ---- one end of a WebSocket: its frames, and how its stream ended ----

CLOSE, PING, PONG = 8, 9, 10


def body(code, text=""):
    return struct.pack(">H", code) + text.encode()


class Wire:
    """A raw socket. Answers Close frames and pings, if it is to."""

    def __init__(self, scope, connection, masks):
        self.socket, self.masks = connection, masks
        scope.callback(connection.close)
        self.answers = True  # Close frames
        self.pongs = True
        self.reads = True
        self.received = bytearray()
        self.head = None
        self.frames = []  # time, opcode, payload
        self.end = None  # time, "FIN" or "RST"

    def fileno(self):
        return self.socket.fileno()

    def is_waiting(self):
        return self.reads and not self.end

    def take(self):
        """Reads what is there."""
        try:
            more = self.socket.recv(1 << 16)
        except ConnectionResetError:
            self.end = time.monotonic(), "RST"
            return
        if not more:
            self.end = time.monotonic(), "FIN"
            return
        self.received += more
        if self.head is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            self.head = self.received[:end].decode()
            del self.received[: end + 4]
        while frame := self.take_frame():
            self.frames.append((time.monotonic(), *frame))
            if frame[0] == CLOSE and self.answers:
                self.answers = False
                self.send(CLOSE, frame[1][:2])
            if frame[0] == PING and self.pongs:
                self.send(PONG, frame[1])

    def take_frame(self):
        data = self.received
        if len(data) < 2:
            return None
        size, at = data[1] & 127, 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            if len(data) < 2 + wide:
                return None
            size, at = int.from_bytes(data[2 : 2 + wide], "big"), 2 + wide
        mask = b""
        if data[1] & 128:
            mask, at = data[at : at + 4], at + 4
        if len(data) < at + size:
            return None
        payload = bytes(data[at : at + size])
        if mask:
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        opcode = data[0] & 15
        del data[: at + size]
        return opcode, payload

    def send(self, opcode, payload=b""):
        if isinstance(payload, str):
            payload = payload.encode()
        mask = b"\x80" if self.masks else b"\x00"  # and four zeros: what is masked stays as it is
        size = bytes([mask[0] | len(payload)]) if len(payload) < 126 else bytes([mask[0] | 126]) + struct.pack(">H", len(payload))
        frame = bytes([0x80 | opcode]) + size + (bytes(4) if self.masks else b"") + payload
        with contextlib.suppress(OSError):  # the other end is gone, which is seen when reading
            self.socket.sendall(frame)

    def say(self, text):
        self.send(1, text)

    def close(self, code, text=""):
        self.answers = False
        self.send(CLOSE, body(code, text))

    def finish(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def leave(self):
        """FIN, and whatever comes then is answered with a reset."""
        self.socket.close()
        self.end = time.monotonic(), "own"

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.leave()

    # what it has seen, since a time

    def closes(self):
        return [payload for _, opcode, payload in self.frames if opcode == CLOSE]

    def story(self, since):
        parts = []
        for at, opcode, payload in self.frames:
            if opcode == CLOSE and at >= since:
                text = payload[2:].decode(errors="replace")
                code = str(int.from_bytes(payload[:2], "big")) if payload else "without a code"
                parts.append((at, f'Close {code}' + (f' "{text}"' if text else "")))
        if self.end and self.end[1] != "own":
            parts.append(self.end)
        if not parts:
            return "open"
        out, before = [], ""
        for at, what in parts:
            after = when(at - since)
            out.append(what + (after if after != before else ""))
            before = after
        return ", ".join(out)


def when(seconds):
    """In seconds, since timers are late rather than early; nothing if it was at once."""
    return "" if seconds < 0.8 else f" after {max(1, int(seconds + 0.25))} s"


class Program:
    """A child that writes lines of JSON."""

    def __init__(self, scope, *command):
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE)
        scope.callback(self.stop)
        self.lines = []  # time, object
        self.rest = b""
        self.ended = False

    def fileno(self):
        return self.process.stdout.fileno()

    def is_waiting(self):
        return not self.ended

    def take(self):
        more = os.read(self.fileno(), 1 << 16)
        self.ended = not more
        self.rest += more
        *lines, self.rest = self.rest.split(b"\n")
        self.lines += [(time.monotonic(), json.loads(line)) for line in lines]

    def event(self, name, path=None):
        for at, line in self.lines:
            if line["event"] == name and path in (None, line.get("path")):
                return at, line
        return None

    def report(self, path=None):
        return self.event("closed", path)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        self.process.stdout.close()


def told(report, since):
    """What a report says, in short."""
    if not report:
        return "open"
    at, line = report
    if "http_status" in line:
        retry = f", `retry_after()` {line['retry_after']}" if "retry_after" in line else ""
        what = f"HTTP {line['http_status']}{retry}"
    elif line["clean"] or line.get("code_uncertain"):
        what = f"clean, {line['code']}" + (f' "{line["reason"]}"' if line["reason"] else "")
    else:
        what = f"`{line['cause']}`"
    return what + when(at - since)


# ---- a stage: a proxy, what is in front of it, and what is behind it ----


class Stage:
    def __init__(self, scope, proxy, program, idle=None, limit=None, plain=False):
        self.scope, self.program = scope, program
        self.port, self.secure, self.back = free_port(), free_port(), free_port()
        self.proxy = proxy(scope, self.port, self.secure, self.back, idle, limit, plain)
        self.ends = []
        self.server = self.listener = None
        self.since = 0

    def watch(self, limit, until=lambda: False):
        """Reads from all ends until the condition holds, or the time is over. Returns whether it holds."""
        deadline = time.monotonic() + limit
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if stopped.is_set():
                raise Failure("stopped")
            with selectors.DefaultSelector() as selector:
                for end in self.ends:
                    if end.is_waiting():
                        selector.register(end, selectors.EVENT_READ)
                for key, _ in selector.select(min(left, 0.1)):
                    key.fileobj.take()
        return True

    def need(self, what, until):
        if not self.watch(PATIENCE, until):
            raise Failure(f"{self.proxy.name}: {what} did not happen; see {self.proxy.log.name}")

    def mark(self):
        self.since = time.monotonic()

    # behind the proxy

    def serve(self, pings=0):
        """A server on wsclose."""
        self.server = Program(self.scope, self.program, "server", self.back, pings)
        self.ends.append(self.server)
        self.need("the server's start", lambda: self.server.event("listening"))

    def serve_raw(self):
        self.listener = socket.create_server(("127.0.0.1", self.back))
        self.scope.callback(self.listener.close)
        self.listener.settimeout(PATIENCE)

    def accept(self):
        wire = Wire(self.scope, self.listener.accept()[0], masks=False)
        self.ends.append(wire)
        self.need("the request", lambda: wire.head is not None)
        wire.socket.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                            b"Sec-WebSocket-Protocol: wsclose-conformance\r\n\r\n")
        return wire

    # in front of it

    def ask(self, path="/raw"):
        """A raw client that has asked for a WebSocket."""
        wire = Wire(self.scope, socket.create_connection(("127.0.0.1", self.port), PATIENCE), masks=True)
        wire.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Protocol: wsclose-conformance\r\n\r\n".encode())
        self.ends.append(wire)
        return wire

    def connect(self, path="/raw"):
        wire = self.ask(path)
        self.need("the answer", lambda: wire.head is not None or wire.end)
        if not (wire.head or "").startswith("HTTP/1.1 101"):
            raise Failure(f"{self.proxy.name}: no WebSocket: {wire.head}")
        return wire

    def connect_raw(self):
        """A raw client and a raw server that are connected."""
        client = self.ask()
        server = self.accept()
        self.need("the answer", lambda: client.head is not None)
        return client, server

    def client(self, path="/lws", pings=0, tls=False):
        """A client on wsclose."""
        client = Program(self.scope, self.program, "client", self.secure if tls else self.port, path, pings,
                         *["tls"] * tls)
        self.ends.append(client)
        return client

    def opened(self, **options):
        client = self.client(**options)
        self.need("the client's connection", lambda: client.event("open") or client.event("closed"))
        if not client.event("open"):
            raise Failure(f"{self.proxy.name}: no WebSocket: {client.lines}")
        return client


ports = iter(range(20000, 30000))  # below those that the kernel takes for clients
ports_lock = threading.Lock()


def free_port():
    with ports_lock:
        for port in ports:
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port
    raise Failure("no port is free")


def status_of(port, path):
    """The status of a plain request."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        got = b""
        while b"\r\n" not in got and (more := connection.recv(100)):
            got += more
    return int(got.split()[1]) if got else None


# ---- the proxies ----


def replaced(text, what, by):
    out, count = re.subn(what, by, text, flags=re.MULTILINE)
    if count == 0:
        raise Failure(f"{what} is not in the configuration")
    return out


class Proxy:
    """A proxy that runs in the foreground with its file of docs/proxies. The ports and, if an event asks for it, the
    limits are replaced. It refuses /members and /strangers by itself."""

    def __init__(self, scope, port, secure, back, idle, limit, plain):
        self.port, self.secure, self.idle_limit = port, secure, idle
        self.directory = scratch / f"run/{self.file}-{port}"
        self.directory.mkdir(parents=True)
        self.log = open(self.directory / "log", "wb")
        scope.callback(self.log.close)
        self.text = (configurations / self.file).read_text()
        self.text = replaced(replaced(self.text, r"\b8080\b", str(port)), r"\b7681\b", str(back))
        for directive in self.idle[:1] + self.limit if plain else []:
            self.text = replaced(self.text, rf"\s{directive}\S+.*", "")
        for value, directives in (idle, self.idle), (limit, self.limit):
            for directive in directives if value else []:
                self.text = replaced(self.text, rf"({directive})\S+?(;?)(\s|$)", rf"\g<1>{value}\2\3")
        self.write(401)
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, start_new_session=True,
                                        cwd=self.directory, env=dict(ENVIRONMENT, XDG_DATA_HOME=str(self.directory),
                                                                     XDG_CONFIG_HOME=str(self.directory)))
        scope.callback(self.kill)
        self.wait_for(401)
        self.wait_for_signals()

    def write(self, members):
        (self.directory / self.file).write_text(self.with_refusals(members))

    def wait_for(self, status):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if status_of(self.port, "/members") == status:
                    return
            time.sleep(0.02)
        raise Failure(f"{self.name} is not up; see {self.log.name}")

    def wait_for_signals(self):
        """It takes signals."""

    def reload(self):
        """Another configuration; it is in force."""
        self.write(403)
        self.ask_to_reload()
        self.wait_for(403)

    def ask_to_reload(self):
        self.process.send_signal(self.reload_signal)

    def stop(self):
        """A soft stop; nobody listens any more."""
        self.process.send_signal(self.stop_signal)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                return
            time.sleep(0.02)
        raise Failure(f"{self.name} does not stop; see {self.log.name}")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # all processes of its session
        self.process.wait()


class Nginx(Proxy):
    name, file = "nginx", "nginx.conf"
    idle = ["proxy_read_timeout "]
    limit = ["worker_shutdown_timeout "]
    reload_signal, stop_signal = signal.SIGHUP, signal.SIGQUIT

    def with_refusals(self, members):
        where = "".join(f"{kind}_temp_path {self.directory}/{kind};" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) + "access_log off;"
        text = replaced(self.text, r"^http \{", f"http {{ {where}")
        text = replaced(text, r"^        listen .*", rf"\g<0>\n        listen {self.secure} ssl;\n        ssl_certificate "
                        f"{CERTIFICATE};\n        ssl_certificate_key {CERTIFICATE};")
        return replaced(text, r"^        location / \{", f"        location /members {{ return {members}; }}\n"
                        "        location /strangers { return 403; }\n        location / {")

    def command(self):
        return ["nginx", "-e", "stderr", "-p", self.directory, "-c", self.directory / self.file, "-g",
                f"daemon off; error_log stderr; pid {self.directory}/pid;"]

    @staticmethod
    def version():
        return output("nginx", "-v").strip().split("/")[1]


class HAProxy(Proxy):
    name, file = "HAProxy", "haproxy.cfg"
    idle = ["timeout tunnel ", "timeout server "]
    limit = ["hard-stop-after "]
    reload_signal, stop_signal = signal.SIGUSR2, signal.SIGUSR1

    def with_refusals(self, members):
        return replaced(self.text, r"^    bind .*", rf"\g<0>\n    bind :{self.secure} ssl crt {CERTIFICATE}\n    http-request deny deny_status {members} if {{ path "
                        "/members }\n    http-request deny deny_status 403 if { path /strangers }")

    def wait_for_signals(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if b"Loading success" in pathlib.Path(self.log.name).read_bytes():
                return
            time.sleep(0.02)
        raise Failure(f"{self.name} is not up; see {self.log.name}")

    def command(self):
        return ["haproxy", "-W", "-f", self.directory / self.file]

    @staticmethod
    def version():
        return output("haproxy", "-v").split()[2].split("-")[0]


class Caddy(Proxy):
    name, file = "Caddy", "Caddyfile"
    idle = []
    limit = []
    stop_signal = signal.SIGTERM

    def with_refusals(self, members):
        self.admin = getattr(self, "admin", None) or free_port()
        text = replaced(self.text, r"^:(\d+) \{", rf":\1 {{\n\trespond /members {members}\n\trespond /strangers 403")
        secure = replaced(text, r"^:\d+ \{", f":{self.secure} {{\n\ttls {CERTIFICATE} {CERTIFICATE}")
        return f"{{\n\tadmin 127.0.0.1:{self.admin}\n}}\n{text}\n{secure}"

    def command(self):
        return ["caddy", "run", "--config", self.directory / self.file]

    def ask_to_reload(self):
        subprocess.run(["caddy", "reload", "--config", self.directory / self.file, "--address",
                        f"127.0.0.1:{self.admin}"], check=True, stdout=self.log, stderr=self.log, env=ENVIRONMENT)

    @staticmethod
    def version():
        return output("caddy", "version").split()[0]


class Httpd(Proxy):
    name, file = "Apache httpd", "httpd.conf"
    idle = ["timeout="]
    limit = ["GracefulShutdownTimeout "]
    reload_signal, stop_signal = signal.SIGUSR1, signal.SIGWINCH

    def with_refusals(self, members):
        # Debian has the modules, and a configuration for them, in these places.
        modules = next(path for path in (scratch / "root/usr/lib/apache2/modules", pathlib.Path("/usr/lib/apache2/modules"))
                       if path.is_dir())
        loads = "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n" for name in
                        ("mpm_event", "authz_core", "ssl", "alias", "proxy", "proxy_http"))
        text = replaced(self.text, r"^ProxyPass", "ProxyPass /members !\nProxyPass /strangers !\nProxyPass")
        return (f"{loads}Timeout {(self.idle_limit or '60').rstrip('s')}\nUser www-data\nGroup www-data\nServerName localhost\nPidFile {self.directory}/pid\nErrorLog {self.directory}/errors\n"
                f"DefaultRuntimeDir {self.directory}\n"
                f"Redirect {members} /members\nRedirect 403 /strangers\n{text}\nListen {self.secure} https\n"
                f"<VirtualHost *:{self.secure}>\nSSLEngine on\nSSLCertificateFile {CERTIFICATE}\n</VirtualHost>\n")

    def command(self):
        return ["apache2", "-D", "FOREGROUND", "-d", self.directory, "-f", self.directory / self.file]

    @staticmethod
    def version():
        return re.search(r"Apache/(\S+)", output("apache2", "-v"))[1]


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, text=True, env=ENVIRONMENT)
    return done.stdout


PROXIES = [Nginx, HAProxy, Caddy, Httpd]

# ---- the events ----

EVENTS = []


def event(section, name, **options):
    """An event: a function of a stage that returns what the client sees, what the server does, and perhaps what a client
    over TLS does."""

    def add(play):
        EVENTS.append((section, name, options, play))
        return play

    return add


def closing(stage, closes, start):
    """Ends a connection with each Close frame: whether it arrives as it is, and how it ends for both sides."""
    stage.serve()
    seen = []
    for index, (code, text) in enumerate(closes):
        client = stage.connect(f"/{index}")
        stage.mark()
        start(client, code, text)
        stage.watch(PATIENCE, lambda: client.end and stage.server.report(f"/{index}"))
        report = told(stage.server.report(f"/{index}"), stage.since)
        frame = f'Close {code} "{text}"' if text else f"Close {code}"
        seen.append((client.story(stage.since).replace(frame, "Close unchanged"), report.split(",")[0]))
    return tuple(" *or* ".join(sorted(set(stories))) for stories in zip(*seen))


BY_SERVER = [(1000, "bye"), (1012, "restart"), (4001, "x" * 123)]
BY_CLIENT = [(1000, "bye"), (1001, ""), (4001, "x" * 123)]
HANDSHAKE = "The closing handshake"


@event(HANDSHAKE, "the server closes with 1000, 1012 or 4001, and up to 123 bytes of text")
def server_closes(stage):
    return closing(stage, BY_SERVER, lambda client, code, text: client.say(f"close {code} {text}"))


@event(HANDSHAKE, "the server closes, and does not wait for the answer")
def server_hurries(stage):
    client, _ = closing(stage, BY_SERVER, lambda client, code, text: client.say(f"hurry {code} {text}"))
    return client, ""


@event(HANDSHAKE, "the client closes with 1000, 1001 or 4001, and waits for the answer")
def client_closes(stage):
    return closing(stage, BY_CLIENT, lambda client, code, text: client.close(code, text))


@event(HANDSHAKE, "the client closes, sends FIN at once, and reads on")
def client_finishes(stage):
    def start(client, code, text):
        client.close(code, text)
        client.finish()

    client, server = closing(stage, BY_CLIENT * 7, start)  # whether the answer arrives may be chance
    return "FIN; the answer may be lost" if client.endswith("or* FIN") or client == "FIN" else client, server


@event(HANDSHAKE, "the client closes, and is gone")
def client_closes_and_leaves(stage):
    def start(client, code, text):
        client.close(code, text)
        client.leave()

    _, server = closing(stage, BY_CLIENT, start)
    return "", server


@event(HANDSHAKE, "the client does not answer the server's Close frame")
def no_answer(stage):
    stage.serve()
    client = stage.connect()
    client.answers = False
    stage.mark()
    client.say("close 1000 bye")
    stage.watch(PATIENCE, lambda: client.end and stage.server.report())
    return client.story(stage.since), told(stage.server.report(), stage.since)


@event(HANDSHAKE, "the server closes behind a message of 16 MB, of which the client reads nothing for 2 s")
def pour(stage):
    stage.serve()
    client = stage.connect()
    client.reads = False
    stage.mark()
    client.say("pour 16000000")
    client.say("close 1000 done")
    stage.watch(2)
    client.reads = True
    stage.watch(PATIENCE, lambda: client.end and stage.server.report())
    whole = any(len(payload) == 16000000 for _, _, payload in client.frames)
    return (f"{'the whole message' if whole else 'a part of it'}, {client.story(stage.since)}",
            told(stage.server.report(), stage.since))


@event(HANDSHAKE, "both have closed, and neither ends TCP; idle limit 2 s", idle="2s")
def nobody_ends(stage):
    stage.serve_raw()
    client, server = stage.connect_raw()
    stage.mark()
    server.close(1000)
    stage.watch(5, lambda: client.end and server.end)
    return (client.end[1] + when(client.end[0] - stage.since) if client.end else "open",
            server.end[1] + when(server.end[0] - stage.since) if server.end else "open")


# ---- TCP ends without a Close frame ----

TCP = "TCP ends without a Close frame"


def client_goes(stage, how):
    stage.serve()
    client = stage.connect()
    stage.mark()
    how(client)
    stage.watch(PATIENCE, stage.server.report)
    return "", told(stage.server.report(), stage.since)


@event(TCP, "the client ends TCP")
def client_fin(stage):
    return client_goes(stage, Wire.leave)


@event(TCP, "the client resets TCP")
def client_reset(stage):
    return client_goes(stage, Wire.reset)


@event(TCP, "the client hangs, and the server pings each second")
def client_hangs(stage):
    stage.serve(pings=1)
    client = stage.connect()
    client.reads = False
    stage.mark()
    stage.watch(PATIENCE, stage.server.report)
    return "", told(stage.server.report(), stage.since)


@event(TCP, "the server hangs, and the client pings each second")
def server_hangs(stage):
    stage.serve()
    lws = stage.opened(pings=1)
    stage.mark()
    stage.server.process.send_signal(signal.SIGSTOP)
    stage.watch(PATIENCE, lws.report)
    return told(lws.report(), stage.since), ""


@event(TCP, "the server's process is killed")
def server_killed(stage):
    stage.serve()
    clients = Clients(stage)
    stage.mark()
    stage.server.kill()
    stage.watch(PATIENCE, clients.ended)
    plain, secure = clients.story()
    return plain, "", secure


@event(TCP, "the server resets TCP")
def server_resets(stage):
    stage.serve_raw()
    client, server = stage.connect_raw()
    stage.mark()
    server.reset()
    stage.watch(PATIENCE, lambda: client.end)
    return client.story(stage.since), ""


class Clients:
    """A raw client, and two on wsclose, one of them over TLS that ends at the proxy."""

    def __init__(self, stage):
        self.stage = stage
        self.lws, self.tls, self.raw = stage.opened(), stage.opened(path="/tls", tls=True), stage.connect()

    def ended(self):
        return self.raw.end and self.lws.report() and self.tls.report()

    def story(self):
        """What the raw one has seen, and if that is the end, what the one over TCP has reported; and the one over TLS."""
        seen = self.raw.story(self.stage.since)
        if seen == "open":
            return seen, seen
        plain, secure = (told(end.report(), 0).split(",")[0].split(" after")[0] for end in (self.lws, self.tls))
        return f"{seen}; {plain}", secure


# ---- nobody sends for a while ----


def rest(stage, send=None, limit=5):
    """Nobody sends, or `send` does each half second: what both sides see."""
    client = stage.connect()
    stage.mark()
    deadline = time.monotonic() + limit
    over = lambda: client.end and stage.server.report("/raw")
    while time.monotonic() < deadline and not over():
        if send:
            send(client)
        stage.watch(0.5, over)
    return client.story(stage.since), told(stage.server.report("/raw"), stage.since)


@event("Idle", "nobody sends; no limit is set", plain=True)
def idle_by_default(stage):
    stage.serve()
    return rest(stage, limit=75)


IDLE = "Idle, limit 2 s"


@event(IDLE, "nobody sends", idle="2s")
def idle(stage):
    stage.serve()
    clients = Clients(stage)
    stage.mark()
    stage.watch(5, lambda: clients.ended() and stage.server.report("/raw"))
    plain, secure = clients.story()
    return plain, told(stage.server.report("/raw"), stage.since), secure


@event(IDLE, "only the server pings, each second", idle="2s")
def server_pings(stage):
    stage.serve(pings=1)
    return rest(stage)


@event(IDLE, "only the client pings, each second", idle="2s")
def client_pings(stage):
    stage.serve()
    lws = stage.opened(pings=1)
    stage.mark()
    stage.watch(5, lambda: lws.report() and stage.server.report())
    return told(lws.report(), stage.since), told(stage.server.report(), stage.since)


@event(IDLE, "only the server sends, messages", idle="2s")
def server_sends(stage):
    stage.serve()
    client = stage.connect("/other")
    client.say("tick")
    stage.mark()
    stage.watch(5, lambda: client.end and stage.server.report())
    return client.story(stage.since), told(stage.server.report(), stage.since)


@event(IDLE, "only the client sends, messages", idle="2s")
def client_sends(stage):
    stage.serve()
    return rest(stage, lambda client: client.say("hush"))


# ---- the proxy is reloaded or stopped ----

PROXY = "The proxy is reloaded, stopped or killed"


def change(stage, act, limit=4):
    stage.serve()
    clients = Clients(stage)
    stage.mark()
    act()
    over = lambda: clients.ended() and stage.server.report("/raw")
    stage.watch(limit, over)
    if not over() and not clients.raw.end:  # it is open, or is it?
        clients.raw.say("are you there")
        stage.watch(PATIENCE, lambda: clients.raw.end or any(opcode == 1 for _, opcode, _ in clients.raw.frames))
    stage.watch(PATIENCE if clients.raw.end else 0, lambda: stage.server.report("/raw"))
    plain, secure = clients.story()
    return plain, told(stage.server.report("/raw"), stage.since), secure


@event(PROXY, "reload")
def reload(stage):
    return change(stage, stage.proxy.reload)


@event(PROXY, "reload, limit 2 s", limit="2s")
def reload_limited(stage):
    return change(stage, stage.proxy.reload, 15)


@event(PROXY, "soft stop")
def stop(stage):
    return change(stage, stage.proxy.stop)


@event(PROXY, "soft stop, limit 2 s", limit="2s")
def stop_limited(stage):
    return change(stage, stage.proxy.stop, 15)


@event(PROXY, "SIGTERM")
def terminate(stage):
    return change(stage, stage.proxy.terminate)


@event(PROXY, "all its processes are killed")
def killed(stage):
    return change(stage, stage.proxy.kill)


# ---- there is no WebSocket ----

NONE = "The WebSocket is not established"


def refusal(stage, client):
    stage.mark()
    stage.watch(60, client.report)
    report = client.report()
    return f"{told(report, stage.since)}: `{report[1]['advice']}`", ""


@event(NONE, "the server is down")
def down(stage):
    return refusal(stage, stage.client())


@event(NONE, "the server ends TCP instead of answering")
def hangs_up(stage):
    stage.serve_raw()

    def hang_up():  # each time, since some proxies try again
        with contextlib.suppress(OSError):
            while True:
                with stage.listener.accept()[0] as connection:
                    connection.recv(10000)

    threading.Thread(target=hang_up, daemon=True).start()
    return refusal(stage, stage.client())


@event(NONE, "the server does not answer; limit 2 s", idle="2s")
def silent(stage):
    stage.serve_raw()
    return refusal(stage, stage.client())


@event(NONE, "the server refuses: 503, `Retry-After: 30`")
def busy(stage):
    stage.serve()
    return refusal(stage, stage.client(path="/busy"))


@event(NONE, "the proxy refuses: 401")
def members(stage):
    stage.serve()
    return refusal(stage, stage.client(path="/members"))


@event(NONE, "the proxy refuses: 403")
def strangers(stage):
    stage.serve()
    return refusal(stage, stage.client(path="/strangers"))


# ---- all of it ----

LONG = [idle_by_default]
QUICK = [server_closes, client_closes, client_fin, client_reset, reload, hangs_up, members]


def play(proxy, program, chosen, seen, failures):
    for section, name, options, act in chosen:
        if stopped.is_set():
            return
        for last in False, True:
            try:
                with contextlib.ExitStack() as scope:
                    outcome = dict(zip(("client", "server", "tls"), act(Stage(scope, proxy, program, **options))))
            except (Failure, OSError) as failure:  # once more: HAProxy may lose a signal that comes as it starts
                if last:
                    failures.append(f"{proxy.name}: {name}: {failure}")
            else:
                if outcome not in seen[name][proxy.name]:
                    seen[name][proxy.name].append(outcome)
                break


def measure(program, chosen, rounds):
    """What was seen, and what failed. Some outcomes vary, so there are rounds."""
    shutil.rmtree(scratch / "run", ignore_errors=True)
    key = scratch / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2", "-out",
                    CERTIFICATE, "-keyout", key], check=True, stderr=subprocess.DEVNULL)
    CERTIFICATE.write_text(key.read_text() + CERTIFICATE.read_text())
    events = [event for event in EVENTS if event[-1] in chosen]
    long, short = ([event for event in events if (event[-1] in LONG) is wanted] for wanted in (True, False))
    seen, failures = {name: {proxy.name: [] for proxy in PROXIES} for _, name, *_ in events}, []
    players = [threading.Thread(target=play, args=(proxy, program, some, seen, failures))
               for proxy in PROXIES for some in (long, short[::2] * rounds, short[1::2] * rounds)]
    for player in players:
        player.start()
    for player in players:
        player.join()
    lws = subprocess.run(["pkg-config", "--modversion", "libwebsockets"], stdout=subprocess.PIPE, check=True, text=True)
    return {
        "date": str(datetime.date.today()),
        "lws": re.match(r"[\d.]+", lws.stdout)[0],
        "proxies": {proxy.name: proxy.version() for proxy in PROXIES},
        "events": [{"section": section, "event": name, "seen": seen[name]} for section, name, *_ in events],
    }, failures


# ---- what was measured ----


def suite():
    """The name of this Debian."""
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return release.get("VERSION_CODENAME", "other")


def read_measured():
    files = [json.loads(path.read_text()) for path in configurations.glob("*.json")]
    return sorted(files, key=lambda file: [int(part) for part in file["lws"].split(".")])


AFTER = re.compile(r" after (\d+) s")


def timeless(outcome):
    return {side: AFTER.sub("", text) for side, text in outcome.items()}


def joined(texts):
    """The different ones, of which each may be several. Of those that differ in time only, the soonest: a machine
    that is busy can be late."""
    soonest = {}
    for part in sorted({part for text in texts for part in text.split(" *or* ")},
                       key=lambda part: sum(map(int, AFTER.findall(part)))):
        soonest.setdefault(AFTER.sub("", part), part)
    return " *or* ".join(soonest[part] for part in sorted(soonest))


def tables(files):
    versions = {name: ", ".join(dict.fromkeys(file["proxies"][name] for file in files)) for name in files[-1]["proxies"]}
    dates, lws = (", ".join(dict.fromkeys(file[key] for file in files)) for key in ("date", "lws"))
    out, section = f"\nMeasured on {dates}, with lws {lws}.\n", ""
    for line in files[-1]["events"]:
        if line["section"] != section:
            section = line["section"]
            out += f"\n### {section}\n\n| event | seen by | " + " | ".join(f"{name} {version}" for name, version in versions.items())
            out += " |\n|---|---|" + "---|" * len(versions) + "\n"
        same = [other["seen"] for file in files for other in file["events"] if other["event"] == line["event"]]
        plain, server, tls = ([joined(outcome.get(side, "") for seen in same for outcome in seen[name]) for name in versions]
                              for side in ("client", "server", "tls"))
        sides = {"client": plain, "server": server} if plain != server else {"both": plain}
        if any(cell not in plain[i] for i, cell in enumerate(tls)):
            sides = {"client": plain, "client over TLS": tls, "server": server}
        what = line["event"]
        for side, cells in sides.items():
            if any(cells):
                out += f"| {what} | {side} | " + " | ".join(cells) + " |\n"
                what = ""
    return out + "\n"


def written():
    begin, end = "<!-- tables: written by ./dev proxies -->\n", "<!-- end -->\n"
    head, rest = page.read_text().split(begin)
    return head + begin + tables(read_measured()) + end + rest.split(end)[1]


def differences(now):
    """What was not seen before with the same versions."""
    known = {}
    for file in read_measured():
        for line in file["events"] if file["lws"] == now["lws"] else []:
            for name, outcomes in line["seen"].items():
                known.setdefault((line["event"], name, file["proxies"][name]), []).extend(map(timeless, outcomes))
    for line in now["events"]:
        for name, outcomes in line["seen"].items():
            before = known.get((line["event"], name, now["proxies"][name]))
            if before:
                yield from (f"{name}: {line['event']}: {outcome}\n    and not: {before}" for outcome in outcomes
                           if timeless(outcome) not in before)


def main():
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    what, *rest = sys.argv[1:] or ["--write"]
    failures = []
    if what == "--check":
        if page.read_text() != written():
            failures.append(f"{page.name} is not what was measured; run docs/tools/proxies.py")
    elif what == "--write":
        page.write_text(written())
    elif what == "--quick":
        now, failures = measure(rest[0], QUICK, 1)
        if failures or list(differences(now)):  # once more: a machine that is busy can be late
            now, failures = measure(rest[0], QUICK, 1)
        failures += differences(now)
        print(f"{sum(len(line['seen']) for line in now['events'])} endings behind proxies, {len(failures)} failed or not as they were")
    else:
        known = {act.__name__: act for *_, act in EVENTS}
        if unknown := set(rest[1:]) - set(known):
            sys.exit(f"proxies.py: there is no event {', '.join(unknown)}, but {', '.join(known)}")
        now, failures = measure(rest[0], [known[name] for name in rest[1:] or known], 2)
        text = json.dumps(now, indent=1, ensure_ascii=False) + "\n"
        if rest[1:] or failures:
            print(text)
        else:
            file = configurations / f"{suite()}.json"
            file.write_text(text)
            page.write_text(written())
            print(f"proxies.py: wrote {file.name} and the tables of {page.name}")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
