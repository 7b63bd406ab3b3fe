# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""A WebSocket peer on a bare socket that ends connections as RFC 6455 asks for, except for one fault that it is told to
have: a server that echoes text, or a client that connects time and again."""

import base64
import contextlib
import hashlib
import re
import socket
import struct
import threading

CODES = [*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)]
FORGED = {"half a code": b"\x03", "sends 0": b"\0\0", "sends 1004": b"\x03\xec", "sends 1005": b"\x03\xed",
          "sends bad text": b"\x03\xe8\xff", "sends too much": b"\x03\xe8" + b"x" * 124}
RESPONSES = {"HTTP 404": b"HTTP/1.1 404 Not Found\r\n\r\n", "no HTTP": b"220 mail.example ESMTP\r\n\r\n"}


class Invalid(Exception):
    """The other side broke the protocol: the code to fail with."""


class Gone(Exception):
    """The stream ended."""


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def header(head, name):
    found = re.search(rf"\r\n{name}: *(\S+)", head, re.IGNORECASE)
    return found and found.group(1)


class Connection:
    def __init__(self, stream, is_server, fault=""):
        self.stream, self.is_server, self.fault = stream, is_server, fault
        self.buffer = b""
        self.stream.settimeout(20)

    # ---- reading and writing ----

    def take(self, size):
        while len(self.buffer) < size:
            more = self.stream.recv(65536)
            if not more:
                raise Gone
            self.buffer += more
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.take(1)
        return head.decode()

    def read_to_end(self):
        while self.stream.recv(65536):
            pass

    def write(self, first, payload):
        mask = 0x80 if self.is_server == (self.fault == "wrong mask") else 0
        size = [len(payload)] if len(payload) < 126 else [126, len(payload) >> 8, len(payload) & 255]
        key = bytes(4) if mask else b""  # which changes nothing
        self.stream.sendall(bytes([first, size[0] | mask, *size[1:]]) + key + payload)

    def demand(self, holds, code, unless):
        if not holds and self.fault != unless:
            raise Invalid(code)

    def read_frame(self):
        """The first byte and the payload of the next frame, which is valid."""
        first, second = self.take(2)
        size, is_control = second & 127, first & 8
        self.demand(not is_control or size < 126 and first & 128, 1002, unless="takes long control frames")
        self.demand(not first & 0x70, 1002, unless="ignores reserved bits")
        self.demand(first & 15 in (0, 1, 2, 8, 9, 10), 1002, unless="ignores opcodes")
        self.demand(bool(second & 128) == self.is_server, 1002, unless="ignores masks")
        if size == 126:
            size, = struct.unpack("!H", self.take(2))
        key = self.take(4) if second & 128 else bytes(4)
        mask = (key * (size // 4 + 1))[:size]
        return first, (int.from_bytes(self.take(size), "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")

    def demand_text(self, payload):
        with contextlib.suppress(UnicodeDecodeError):
            payload.decode()
            return
        self.demand(False, 1007, unless="ignores UTF-8")

    # ---- the ending ----

    def run(self):
        """Until the connection is over."""
        try:
            self.read_to_close()
        except Invalid as invalid:
            self.fail(invalid.args[0])
        except Gone:
            if self.fault == "keeps TCP after FIN":
                threading.Event().wait(3)
        with contextlib.suppress(OSError):
            self.end()

    def read_to_close(self):
        while True:
            first, payload = self.read_frame()
            if first & 15 == 8:
                self.demand(len(payload) != 1 and (not payload or struct.unpack("!H", payload[:2])[0] in CODES), 1002,
                            unless="echoes any body")
                self.demand_text(payload[2:])
                return self.answer(payload)
            if first & 15 == 9:
                self.write(0x8A, payload)
            if first == 0x81:
                self.demand_text(payload)
                if self.is_server:
                    self.write(0x81, payload)

    def fail(self, code):
        if self.fault != "fails without Close":
            self.write(0x88, struct.pack("!H", 1000 if self.fault == "fails with 1000" else code))
        if self.fault == "fails, and waits":
            self.read_to_end()

    def answer(self, body):
        if self.fault == "no answer":
            return
        if self.fault != "silence":
            self.write({"sets RSV1": 0xC8, "fragments": 0x08}.get(self.fault, 0x88), FORGED.get(self.fault, body))
        if self.fault == "data behind Close":
            self.write(0x81, b"late")
        if self.fault == "two Close frames":
            self.write(0x88, body)
        if self.fault == "ends within a frame":
            self.stream.sendall(b"\x81")
        if self.fault in ("keeps TCP", "silence"):
            threading.Event().wait(3)
        elif not self.is_server:
            self.read_to_end()  # a server ends TCP first

    def end(self):
        if self.fault == "resets":
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:  # without the reset that unread bytes would cause
            self.stream.shutdown(socket.SHUT_WR)
            self.read_to_end()


class Server:
    """Serves each connection in a thread, until the fault "crashes" ends it with a connection that breaks the protocol."""

    def __init__(self, fault=""):
        self.fault = fault
        self.requests = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self.listening.accept()
                threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        with stream, contextlib.suppress(OSError, Gone):
            connection = Connection(stream, True, self.fault)
            request = connection.read_head()
            self.requests.append(request)
            if self.fault in RESPONSES:
                return stream.sendall(RESPONSES[self.fault])
            key = "wrong" if self.fault == "wrong key" else accept_key(header(request, "Sec-WebSocket-Key"))
            protocol = "other" if self.fault == "wrong subprotocol" else header(request, "Sec-WebSocket-Protocol")
            stream.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
                            f"Sec-WebSocket-Accept: {key}\r\n" +
                            (f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else "") + "\r\n").encode())
            if self.fault == "closes by itself":
                connection.write(0x88, struct.pack("!H", 4001))
            if self.fault == "crashes":
                with contextlib.suppress(Invalid):
                    return connection.read_to_close()
                self.listening.shutdown(socket.SHUT_RDWR)
                return self.listening.close()
            connection.run()


def connect(port, fault=""):
    """A client: one connection after the other, until nobody listens any more."""
    with contextlib.suppress(OSError, Gone):
        while True:
            with socket.create_connection(("127.0.0.1", port)) as stream, contextlib.suppress(Gone, ConnectionError):
                connection = Connection(stream, False, fault)
                stream.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
                connection.read_head()
                connection.run()
