# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Plays a server to docs/examples/returning_client.cpp, whose program is the argument: a deploy, a restart, an
overload and a ban. The client comes back from all but the last."""

import base64
import hashlib
import queue
import socket
import struct
import subprocess
import sys
import threading

PATIENCE = 20  # seconds to wait for anything


def listen(port=0):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    server.settimeout(PATIENCE)
    return server


def accept(server):
    """The next connection, and its request."""
    connection = server.accept()[0]
    connection.settimeout(PATIENCE)
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    return connection, request.decode()


def accept_websocket(server):
    connection, request = accept(server)
    headers = dict(line.lower().split(": ", 1) for line in request.split("\r\n") if ": " in line)
    key = next(line.split(": ", 1)[1] for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n"
                        f"Sec-WebSocket-Protocol: {headers['sec-websocket-protocol']}\r\n\r\n").encode())
    return connection


def close_with(connection, code):
    """Closes, and waits for the end."""
    connection.sendall(struct.pack("!BBH", 0x88, 2, code))
    while connection.recv(4096):
        pass
    connection.close()


def main():
    server = listen()
    port = server.getsockname()[1]
    client = subprocess.Popen([sys.argv[1], str(port), "100"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line.strip()) for line in client.stdout], daemon=True).start()

    def expect(beginnings, end):
        line = lines.get(timeout=PATIENCE)
        assert line.startswith(tuple(beginnings)) and line.endswith(end), line

    by_peer = ("closed by the peer", "closed cleanly by the peer")
    try:
        close_with(accept_websocket(server), 1012)  # a deploy
        expect(by_peer, ": it comes back")

        connection = accept_websocket(server)  # a restart: for a while, nobody is there
        server.close()
        connection.close()
        expect(["closed by the transport"], ": it comes back")
        expect(["not connected"], ": it comes back")
        server = listen(port)

        connection, _ = accept(server)  # too many clients
        connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
        connection.close()
        while True:  # what was left from before the restart
            line = lines.get(timeout=PATIENCE)
            assert line.startswith("not connected") and line.endswith(": it comes back"), line
            if "HTTP 503, retry after 1 s" in line:
                break

        close_with(accept_websocket(server), 4003)  # a ban
        expect(by_peer, ": it stops")
        assert client.wait(PATIENCE) == 0
    finally:
        client.kill()
        client.wait()
    print("it came back from a deploy, a restart and an overload, and stopped at a ban")


main()
