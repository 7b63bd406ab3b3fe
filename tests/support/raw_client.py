# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""A client that asks for a WebSocket by hand, so that a test sees the bytes that libraries hide."""


def ask(client, protocol):
    """Asks for a WebSocket on a connected socket. Returns the head of the response, and reads nothing behind it."""
    client.sendall("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                   f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = client.recv(1)
        assert more, f"the connection ended after {head!r}"
        head += more
    return head.decode()


def read(client, size):
    """So many bytes, or fewer if the connection ends."""
    got = b""
    while len(got) < size and (more := client.recv(size - len(got))):
        got += more
    return got
