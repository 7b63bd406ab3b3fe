# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Plays the same endings against each step of docs/ten-minutes.md, and compares what the client gets and what the log says
with the tables of that page: ten_minutes.py [--write] STEP_PROGRAM... With --write, it writes the tables."""

import concurrent.futures
import pathlib
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading

from support import raw_client

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs/ten-minutes.md"
PATIENCE = 20  # seconds
TEXT, CLOSE = 1, 8
TIMES = re.compile(r" after \d+ s")  # on a busy machine, they vary


class Client:
    """A WebSocket by hand: it shows the bytes that libraries hide."""

    def __init__(self, port):
        self.socket, self.unread = socket.create_connection(("127.0.0.1", port), PATIENCE), b""
        raw_client.ask(self.socket, "echo")

    def send(self, opcode, payload):
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)  # masked with zeros

    def say(self, text):
        self.send(TEXT, text.encode())

    def take(self, count):
        while len(self.unread) < count:
            got = self.socket.recv(4096)
            if not got:
                raise EOFError
            self.unread += got
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    def sees(self, answers=True):
        """All that comes until TCP ends, in words. Answers a Close frame as RFC 6455 asks, if it may."""
        seen = []
        try:
            while True:
                opcode, length = self.take(2)
                payload = self.take(length if length < 126 else struct.unpack("!H", self.take(2))[0])
                seen.append(in_words(opcode & 15, payload))
                if opcode & 15 == CLOSE and answers:
                    self.send(CLOSE, payload[:2])
        except (EOFError, ConnectionResetError):
            pass
        self.socket.close()
        return ", ".join(seen) or "no Close frame"


def in_words(opcode, payload):
    if opcode == TEXT:
        return f'message "{payload.decode()}"'
    code, text = struct.unpack("!H", payload[:2])[0], payload[2:]
    try:
        shown = text.decode()
    except UnicodeDecodeError:
        return f"{code} and **text that is not UTF-8**"
    return f"{code} " + (f'"{shown}"' if len(shown) < 30 else f'"{shown[:12]}…{shown[-1]}", {len(text)} bytes')


class Server:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.port = next(int(line.split()[1]) for line in self.process.stdout if line.startswith("port "))
        self.endings = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if "echo: " in line:
                self.endings.put(line.split("echo: ", 1)[1].strip())

    def ending(self):
        return self.endings.get(timeout=PATIENCE)


def say(text, answers=True):
    def play(server):
        client = Client(server.port)
        client.say(text)
        return client.sees(answers)
    return play


def kicked(server):
    admin, guest = Client(server.port), Client(server.port)
    admin.say("kick")
    seen = guest.sees()
    guests = server.ending()
    admin.say("bye")
    admin.sees()
    server.ending()
    server.endings.put(guests)
    return seen


def closes(payload):
    def play(server):
        client = Client(server.port)
        client.send(CLOSE, payload)
        return client.sees(answers=False)
    return play


def vanishes(server):
    client = Client(server.port)
    client.socket.shutdown(socket.SHUT_WR)
    return client.sees()


def idles(server):
    return Client(server.port).sees()


def stops(server):
    client = Client(server.port)
    server.process.send_signal(signal.SIGTERM)
    return client.sees()


SCENES = [  # what happens, how to play it, and in which steps: those that change the outcome
    ('a client says "bye"', say("bye"), (1, 2, 3)),
    ("a client sends 150 bytes", say("日" * 50), (1, 2)),
    ('one client says "kick", another is kicked', kicked, (1, 2, 3)),
    ("a client closes with text that is not UTF-8", closes(struct.pack("!H", 1000) + b"\xff"), (1, 2)),
    ("a client's TCP ends, without a Close frame", vanishes, (1, 2)),
    ('a client says "bye", and does not answer', say("bye", answers=False), (1, 2, 3, 4)),
    ("a client says nothing", idles, (4,)),
    ("SIGTERM, while a client is connected", stops, (5,)),
]


def table(number, program):
    server = Server(program)
    rows = ["| what happens | the client gets | the log says |", "|---|---|---|"]
    try:
        for what, play, steps in SCENES:
            if number in steps:
                seen = play(server)
                ending = re.sub("日{4,}", "日…日", server.ending())
                rows.append(f"| {what} | {seen} | `{ending}` |")
    finally:
        server.process.kill()
        server.process.wait()
    return "\n".join(rows)


def main():
    write = sys.argv[1:2] == ["--write"]
    programs = sys.argv[2 if write else 1:]
    page = before = PAGE.read_text()
    with concurrent.futures.ThreadPoolExecutor(len(programs)) as pool:
        measured = list(pool.map(table, range(1, 1 + len(programs)), programs))
    for number, rows in enumerate(measured, 1):
        marks = f"<!-- step {number}: written by tests/ten_minutes.py -->", "<!-- end -->"
        begin = page.index(marks[0]) + len(marks[0])
        page = page[:begin] + f"\n\n{rows}\n\n" + page[page.index(marks[1], begin):]
    if write:
        PAGE.write_text(page)
    elif TIMES.sub("", page) != TIMES.sub("", before):
        print("docs/ten-minutes.md says otherwise. Now:\n\n" + "\n\n".join(measured))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
