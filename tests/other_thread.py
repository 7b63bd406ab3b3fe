# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Plays a client of docs/examples/other_thread/after.cpp: what another thread has sent comes before its close."""

import socket
import subprocess
import sys
import time

from support import raw_client

patience = 30
ping, pong = b"\x89\x80\0\0\0\0", b"\x8a\0"
messages = b"\x81\x05hello\x81\x03two"
close_frame = b"\x88\x08\x0f\xa1kicked"
answer = b"\x88\x82\0\0\0\0\x0f\xa1"


def connect(port, server):
    end = time.monotonic() + patience
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), patience)
        except ConnectionRefusedError:  # it does not listen yet
            assert server.poll() is None and time.monotonic() < end


with socket.create_server(("127.0.0.1", 0)) as chosen:
    port = chosen.getsockname()[1]
server = subprocess.Popen([sys.argv[1], str(port)], stdin=subprocess.PIPE, text=True)
try:
    with connect(port, server) as client:
        head = raw_client.ask(client, "news")
        assert head.startswith("HTTP/1.1 101 "), head
        client.sendall(ping)  # whose answer comes from an established connection
        assert raw_client.read(client, len(pong)) == pong
        server.stdin.write("say 1 hello\nsay 1 two\nkick 1\n")
        server.stdin.flush()
        assert raw_client.read(client, len(messages)) == messages
        assert raw_client.read(client, len(close_frame)) == close_frame
        client.sendall(answer)
        assert raw_client.read(client, 1) == b""
    server.stdin.write("say 1 nobody\nkick 1\nstop\n")
    server.stdin.close()
    assert server.wait(patience) == 0
finally:
    server.kill()
