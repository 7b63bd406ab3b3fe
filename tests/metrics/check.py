# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Scrapes the example metrics_server with raw sockets, lets connections to it end, and compares its numbers with what
it did. With a second argument, the path of promtool or nothing, promtool judges the page and the alerts instead."""

import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 15  # seconds
SKIPPED = 77  # to Meson
server, *promtool = sys.argv[1:]


class Peer:
    """A TCP connection to the server."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def read(self, size):
        while len(self.unread) < size:
            got = self.socket.recv(65536)
            assert got, f"the server ended the connection after {self.unread!r}"
            self.unread += got
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def ask(self, path, *headers):
        """Returns the head of the response."""
        self.socket.sendall("\r\n".join((f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        return head.decode()

    def upgrade(self):
        head = self.ask("/", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: chat", "Origin: http://127.0.0.1")
        assert head.startswith("HTTP/1.1 101 "), head
        return self

    def send(self, opcode, payload):  # masked with 0
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack("!BH", 0xFE, len(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + size + bytes(4) + payload)

    def read_close(self):
        """The body of the Close frame that comes next."""
        first, size = self.read(2)
        assert first == 0x88, first
        return self.read(size)

    def read_to_end(self):
        assert self.unread + self.socket.recv(1) == b""


def scrape(port):
    """The text of the page; from one connection twice, as Prometheus does."""
    peer = Peer(port)
    for _ in range(2):
        head = peer.ask("/metrics")
        assert head.startswith("HTTP/1.1 200 "), head
        assert "content-type: text/plain; version=0.0.4\r\n" in head, head
        page = peer.read(int(re.search("content-length: ([0-9]+)", head)[1])).decode()
    assert peer.unread == b""
    return page


def values(page):
    return {series: float(value) for series, value in
            (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))}


def play(port):
    """Endings of each kind; the names of the series that each adds 1 to, in the first two families."""
    def close_by_us():
        peer = Peer(port).upgrade()
        peer.send(8, b"\x03\xe9bye")
        assert peer.read_close() == b"\x03\xe9bye"
        peer.read_to_end()

    def close_by_program():
        peer = Peer(port).upgrade()
        peer.send(1, b"x" * 1001)
        assert peer.read_close() == b"\x0f\xa01000 bytes at most"
        peer.send(8, b"\x0f\xa0")
        peer.read_to_end()

    def invalid_close():
        peer = Peer(port).upgrade()
        peer.send(8, b"\x03")
        assert peer.read_close()[:2] == b"\x03\xea"
        peer.read_to_end()

    def hostile_codes():  # in the range that the protocol leaves to applications
        for code in range(4001, 4021):
            peer = Peer(port).upgrade()
            peer.send(8, struct.pack("!H", code))
            assert peer.read_close() == struct.pack("!H", code)
            peer.read_to_end()

    def fin():
        peer = Peer(port).upgrade()
        peer.socket.shutdown(socket.SHUT_WR)
        peer.read_to_end()

    def not_found():  # is no WebSocket, and counts nowhere
        head = Peer(port).ask("/nothing")
        assert head.startswith("HTTP/1.1 404 "), head

    for ending in (close_by_us, close_by_program, invalid_close, hostile_codes, fin, not_found):
        ending()


def check_numbers(port):
    before = values(scrape(port))
    play(port)
    end = time.monotonic() + PATIENCE
    while (after := values(scrape(port)))["websocket_connection_duration_seconds_count"] < 24 and time.monotonic() < end:
        pass  # lws may end TCP before it says that the connection is closed
    assert before.keys() == after.keys(), before.keys() ^ after.keys()
    changed = {series: after[series] - before[series] for series in after
               if after[series] != before[series] and not series.startswith("websocket_connection_duration")}
    expected = {
        'websocket_closes_total{initiator="peer",cause="handshake",clean="true"}': 21,
        'websocket_closes_total{initiator="local",cause="handshake",clean="true"}': 1,
        'websocket_closes_total{initiator="peer",cause="protocol_violation",clean="false"}': 1,
        'websocket_closes_total{initiator="transport",cause="fin",clean="false"}': 1,
        'websocket_close_codes_total{initiator="peer",code="1001",code_name="going_away"}': 1,
        'websocket_close_codes_total{initiator="local",code="4000",code_name="flooding"}': 1,
        'websocket_close_codes_total{initiator="peer",code="1002",code_name="protocol_error"}': 1,
        'websocket_close_codes_total{initiator="peer",code="4xxx"}': 20,
        'websocket_close_codes_total{initiator="transport",code="1006",code_name="abnormal_closure"}': 1,
    }
    assert changed == expected, changed
    assert after["websocket_connection_duration_seconds_count"] == 24, after
    shown = re.findall("^(websocket_.*) [0-9.]+$", (ROOT / "docs/counting.md").read_text(), re.MULTILINE)
    assert shown, "docs/counting.md shows no series"
    for series in shown:
        assert series in after, f"docs/counting.md shows a series that is not on the page: {series}"


def check_with_promtool(port):
    if not promtool[0]:
        print("promtool is not there (Debian: prometheus): nothing has judged the page and the alerts")
        return SKIPPED
    play(port)
    with tempfile.TemporaryDirectory() as folder:
        for file in (ROOT / "docs/examples/websocket_alerts.yml", ROOT / "tests/metrics/alerts_test.yml"):
            shutil.copy(file, folder)
        for arguments, page in ((["check", "metrics"], scrape(port)), (["check", "rules", "websocket_alerts.yml"], None),
                                (["test", "rules", "alerts_test.yml"], None)):
            subprocess.run([promtool[0], *arguments], input=page, text=True, cwd=folder, check=True)
    return 0


with subprocess.Popen([server, "0"], stdout=subprocess.PIPE, text=True) as process:
    try:
        url = process.stdout.readline()
        port = int(re.fullmatch(r"http://127\.0\.0\.1:([0-9]+)/metrics\n", url)[1])
        sys.exit(check_with_promtool(port) if promtool else check_numbers(port))
    finally:
        process.kill()
