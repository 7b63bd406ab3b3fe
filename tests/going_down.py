# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Plays the clients of docs/examples/going_down: after SIGTERM the server closes each, refuses a newcomer, drops the
one that does not answer at the deadline, and ends with status 0."""

import signal
import socket
import subprocess
import sys

from support import raw_client

patience = 30
close_frame = b"\x88\x08\x03\xe9deploy"
answer = b"\x88\x82\0\0\0\0\x03\xe9"


def ask(port):
    """A client that has asked for a WebSocket, and the head of the response."""
    client = socket.create_connection(("127.0.0.1", port), patience)
    return client, raw_client.ask(client, "chat")


server = subprocess.Popen([sys.argv[1], "0", "1", "3"], stdout=subprocess.PIPE, text=True)
try:
    port = int(server.stdout.readline().split()[1])
    clients = [ask(port)[0] for _ in range(10)]
    server.send_signal(signal.SIGTERM)
    progress = [server.stdout.readline()]
    _, refusal = ask(port)
    assert refusal.startswith("HTTP/1.1 503 ") and "\r\nRetry-After: 30\r\n" in refusal, refusal
    for client in clients:
        assert raw_client.read(client, len(close_frame)) == close_frame
    for client in clients[1:]:
        client.sendall(answer)
        assert raw_client.read(client, 1) == b""
    assert raw_client.read(clients[0], 1) == b""  # it has not answered
    progress += server.stdout.readlines()
    assert progress[0].endswith(" of 10 left\n") and progress[-1] == "0 of 10 left: down\n", progress
    assert server.wait(patience) == 0
finally:
    server.kill()
print("".join(progress), end="")
