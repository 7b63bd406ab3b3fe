// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Node's `ws` as a peer: ws_peer.js CERT KEY. It listens, and connects as the lines of JSON on standard
// input say; each connection that ended, either way, is one line of JSON on standard output.

'use strict'
const fs = require('fs')
const http = require('http')
const https = require('https')
const readline = require('readline')
const { WebSocket, WebSocketServer } = require('ws')

const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const [cert, key] = process.argv.slice(2).map((path) => fs.readFileSync(path))

function watch(socket) {
  socket.on('error', () => {}) // 'close' follows
  socket.addEventListener('close', (event) =>
    print({ code: event.code, reason: event.reason, clean: event.wasClean }))
}

function close(socket, code, text) {
  if (code) socket.close(code, text)
  else socket.close()
}

function serve(server, then) {
  new WebSocketServer({ server }).on('connection', (socket) => {
    watch(socket)
    socket.on('message', (data) => {
      const [how, code, ...words] = String(data).split(' ')
      if (how === 'drop') socket.terminate()
      else close(socket, Number(code), words.join(' '))
    })
  })
  server.listen(0, '127.0.0.1', () => then(server.address().port))
}

function connect({ url, send, close: closing, drop }) {
  const socket = new WebSocket(url, 'wsclose-conformance', { ca: cert })
  watch(socket)
  socket.on('open', () => {
    if (send) socket.send(send)
    if (closing) close(socket, ...closing)
    if (drop) socket.terminate()
  })
}

serve(http.createServer(), (tcp) =>
  serve(https.createServer({ cert, key }), (tls) =>
    print({ name: `ws ${require('ws/package.json').version} (Node ${process.versions.node})`, tcp, tls })))
readline.createInterface({ input: process.stdin }).on('line', (line) => connect(JSON.parse(line)))
  .on('close', () => process.exit())
