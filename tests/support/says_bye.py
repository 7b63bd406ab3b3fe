# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Starts a build of docs/examples/chat_server.cpp, PROGRAM PORT, says "bye" to it, and expects its Close frame, the end of
the connection, and its report. A second argument is what the report calls the ending, if not "closed cleanly by us"."""

import socket
import subprocess
import sys
import threading
import time

import raw_client

patience = 30  # seconds
bye = b"\x81\x83\0\0\0\0bye"
close_frame = b"\x88\x09\x03\xe8see you"
answer = b"\x88\x89\0\0\0\0\x03\xe8see you"
ending = sys.argv[2] if len(sys.argv) > 2 else "closed cleanly by us"
report = f'chat: {ending}: sent 1000 normal_closure "see you", received 1000 "see you"'


def connect(port):
    """Nothing tells when the program listens, so this tries until it does."""
    end = time.monotonic() + patience
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), patience)
        except ConnectionRefusedError:
            assert server.poll() is None and time.monotonic() < end, "the program does not listen"
            time.sleep(0.01)


def read_until(client, end):
    got = b""
    while not got.endswith(end):
        more = client.recv(1)
        assert more, f"the connection ended after {got!r}"
        got += more
    return got


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen([sys.argv[1], str(port)], stderr=subprocess.PIPE, text=True)
watchdog = threading.Timer(patience, server.kill)
watchdog.start()
try:
    with connect(port) as client:
        head = raw_client.ask(client, "chat")
        assert head.startswith("HTTP/1.1 101 "), head
        client.sendall(bye)
        assert read_until(client, b"see you") == close_frame
        client.sendall(answer)
        assert client.recv(1) == b""
    seen = ""
    while report not in seen:
        line = server.stderr.readline()
        assert line, f"no report in {seen!r}"
        seen += line
finally:
    watchdog.cancel()
    server.kill()
    server.wait()
