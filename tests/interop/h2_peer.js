// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// A raw WebSocket peer over HTTP/2 (RFC 8441) on Node's own http2: h2_peer.js CERT. Each line of JSON on
// standard input opens one stream by extended CONNECT, all of them in one HTTP/2 session to the same
// server, and writes its frames, masked; one line on standard output tells what came back and how the
// stream ended.

'use strict'
const fs = require('fs')
const http2 = require('http2')
const readline = require('readline')

const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')
const ca = fs.readFileSync(process.argv[2])
const mask = Buffer.from('5AA5C33C', 'hex')
let session, sessions = 0

function frame([first, hex]) {
  const payload = Buffer.from(hex, 'hex')
  const length = payload.length < 126 ? [0x80 | payload.length]
    : [0x80 | 126, payload.length >> 8, payload.length & 0xff]
  return Buffer.concat([Buffer.from([first, ...length]), mask, payload.map((byte, at) => byte ^ mask[at % 4])])
}

// The payload of the Close frame in `bytes`, which are frames that are not masked, or null.
function closeIn(bytes) {
  while (bytes.length >= 2) {
    const extended = bytes[1] === 126
    const begin = extended ? 4 : 2
    const end = begin + (extended ? bytes.readUInt16BE(2) : bytes[1])
    if (bytes.length < end) return null
    if (bytes[0] === 0x88) return bytes.slice(begin, end)
    bytes = bytes.slice(end)
  }
  return null
}

function withSession(url, then) {
  if (session && !session.closed && !session.destroyed) return then()
  ++sessions
  session = http2.connect(url, { ca })
  session.on('error', () => {})
  session.once('remoteSettings', ({ enableConnectProtocol }) => {
    if (enableConnectProtocol) then()
    else print({ error: 'the server does not offer WebSocket over HTTP/2' })
  })
}

function play({ url, frames, then }) {
  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':path': '/',
    ':authority': new URL(url).host, 'sec-websocket-version': '13',
    'sec-websocket-protocol': 'wsclose-conformance',
  }, { endStream: false })
  let bytes = Buffer.alloc(0), ended = false, answered = false
  stream.on('response', () => {
    stream.write(Buffer.concat(frames.map(frame)))
    if (then === 'end') stream.end()
  })
  stream.on('data', (data) => {
    bytes = Buffer.concat([bytes, data])
    if (then === 'echo, then reset') stream.close(http2.constants.NGHTTP2_CANCEL)
    if (then === 'echo, then end') stream.end(() => print({}))
    if (then === 'echo, then disconnect') session.destroy()
    const close = closeIn(bytes)
    if (!close || answered || !then) return
    answered = true
    if (then === 'answer') stream.write(frame([0x88, close.toString('hex')]))
    if (then === 'answer and end') stream.end(frame([0x88, close.toString('hex')]))
  })
  stream.on('end', () => {
    ended = true
    stream.end()
  })
  stream.on('error', () => {}) // 'close' follows
  stream.on('close', () => print({ bytes: bytes.toString('hex'), ended, reset: stream.rstCode, sessions }))
}

print({ name: `HTTP/2 frame by frame (Node ${process.versions.node})` })
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line)
  withSession(command.url, () => play(command))
}).on('close', () => process.exit())
