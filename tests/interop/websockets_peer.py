# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Python's websockets as a peer, driven like ws_peer.js: websockets_peer.py CERT KEY."""

import asyncio
import json
import platform
import ssl
import sys

import websockets
import websockets.version

cert, key = sys.argv[1:]


def tell(value):
    print(json.dumps(value), flush=True)


async def to_end(socket, on_message=None):
    try:
        while True:
            message = await socket.recv()
            if on_message:
                await on_message(message)
    except websockets.ConnectionClosed:
        await socket.wait_closed()
    tell({"code": socket.close_code, "reason": socket.close_reason or ""})


async def serve_one(socket, path=None):
    async def obey(message):
        how, _, rest = message.partition(" ")
        code, _, text = rest.partition(" ")
        if how == "drop":
            socket.transport.abort()
        elif how == "close":
            await socket.close(int(code), text)

    await to_end(socket, obey)


async def connect(url, send=None, close=None, drop=False):
    context = ssl.create_default_context(cafile=cert) if url.startswith("wss:") else None
    socket = await websockets.connect(url, ssl=context, subprotocols=["wsclose-conformance"])
    if send:
        await socket.send(send)
    if close is not None:
        await socket.close(*close)
    if drop:
        socket.transport.abort()
    await to_end(socket)


async def main():
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(cert, key)
    ports = {}
    for name, context in {"tcp": None, "tls": secure}.items():
        server = await websockets.serve(serve_one, "127.0.0.1", 0, ssl=context, subprotocols=["wsclose-conformance"])
        ports[name] = list(server.sockets)[0].getsockname()[1]
    version = websockets.version.version
    tell({"name": f"websockets {version} (Python {platform.python_version()})", **ports})
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        await connect(**json.loads(line))


asyncio.run(main())
