import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import t, { type Test } from 'tap'
import * as ws from 'ws'
import { selectDeflateOffer } from '../../src/connections/deflate-offer.js'
import { makeCertificate } from '../helpers/certificate.js'
import type { ChatClient } from '../helpers/chat-client.js'
import { clientFrame, type ServerFrame } from '../helpers/frames.js'
import { Http2WebSocket } from '../helpers/h2-websocket.js'
import { RawWebSocket } from '../helpers/raw-websocket.js'
import { startService, type TestService } from '../helpers/service.js'

const OFFER = 'permessage-deflate; client_max_window_bits'
const AGREED =
  'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12'
const ON = { compression: 'on' } as const

/** As a client compresses: without what every message would end with. */
function deflate(text: string | Buffer): Buffer {
  const bytes = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH })
  return bytes.subarray(0, -4)
}

function inflate({ payload, compressed }: ServerFrame): string {
  if (!compressed) return payload.toString()
  const whole = Buffer.concat([payload, Buffer.of(0, 0, 0xff, 0xff)])
  return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH, windowBits: 12 }).toString()
}

const open = ({ app }: TestService, user: string, extensions: string | undefined = OFFER) =>
  RawWebSocket.open(app.server, '/chat', user, extensions)

/** Sends a compressed action; resolves with the frame of its reply. */
function ask(socket: RawWebSocket, action: object): Promise<ServerFrame> {
  const id = `q${Math.random()}`
  socket.send(clientFrame(deflate(JSON.stringify({ ...action, id })), { reserved: 4 }))
  return socket.frame((frame) => frame.opcode === 1 && inflate(frame).includes(`"id":"${id}"`))
}

const withText = (text: string) => (frame: ServerFrame) =>
  frame.opcode === 1 && inflate(frame).includes(text)

t.test('nothing is compressed unless it is switched on', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  t.equal(ann.socket.extensions, '', 'though clients offer it')
})

t.test(
  'what both sides keep nothing for is agreed to, and anything else goes on plainly',
  async (t) => {
    const service = await startService(t, ON)
    for (const [offer, agreed] of [
      [OFFER, AGREED],
      ['permessage-deflate', AGREED],
      ['permessage-deflate; server_max_window_bits=10, permessage-deflate', AGREED],
      ['x-webkit-deflate-frame, permessage-deflate; unknown=1, permessage-deflate', AGREED],
      ['permessage-deflate; client_max_window_bits=9', `${AGREED}; client_max_window_bits=9`],
      ['permessage-deflate; server_max_window_bits="12"', AGREED],
      ['permessage-deflate; server_max_window_bits=10', undefined],
      ['permessage-deflate; server_max_window_bits', undefined],
      ['permessage-deflate; server_max_window_bits=16', undefined],
      ['permessage-deflate; server_no_context_takeover=1', undefined],
      ['permessage-deflate; client_max_window_bits; client_max_window_bits', undefined],
      ['permessage-bzip2', undefined],
      [';;,=,"', undefined],
    ] as const) {
      const socket = await open(service, 'ann', offer)
      const parts = (text: string | undefined) => text?.split('; ').sort()
      t.same(parts(socket.extensions), parts(agreed), offer)
      await socket.text('"event":"welcome"')
      socket.raw.end()
    }
    t.equal(selectDeflateOffer(undefined), undefined)
  },
)

t.test('a message is compressed once, for everyone who agreed to it', async (t) => {
  const service = await startService(t, ON)
  const members = await Promise.all(['ann', 'bo', 'cy'].map((user) => open(service, user)))
  const plain = await open(service, 'di', '')
  for (const member of members) await ask(member, { action: 'join', room: 'r' })
  plain.send(clientFrame('{"action":"join","id":"j","room":"r"}'))
  await plain.text('"id":"j"')
  const msg = 'the same words again, '.repeat(50)
  await service.app.parley.publish('r', { user: 'x', nick: 'X', msg: JSON.stringify(msg) })
  const frames = await Promise.all(members.map((member) => member.frame(withText(msg))))
  const uncompressed = await plain.text(msg)
  for (const frame of frames) {
    t.ok(frame.compressed)
    t.ok(frame.payload.equals(frames[0]?.payload as Buffer))
    t.equal(inflate(frame), uncompressed.payload.toString())
  }
  t.ok(Number(frames[0]?.payload.length) * 5 < uncompressed.payload.length)

  await service.app.parley.publish('r', { user: 'x', nick: 'X', msg: '"short"' })
  for (const member of members) t.notOk((await member.frame(withText('short'))).compressed)
  for (const member of [...members, plain]) member.raw.end()
})

t.test('a message that must not be compressed is not, live nor in a page', async (t) => {
  const service = await startService(t, ON)
  const ann = await open(service, 'ann')
  await ask(ann, { action: 'join', room: 'r' })
  const claims = { sub: 'backend', scope: 'publish admin' }
  const secret = 'secret '.repeat(200)
  for (const [path, event] of [
    ['/rooms/r/messages', 'message'],
    ['/users/ann/messages', 'direct'],
    ['/broadcast', 'direct'],
  ] as const) {
    const send = (payload: object) => service.request('POST', path, { claims, payload })
    await send({ msg: secret, compress: false })
    const frame = await ann.frame(withText(secret))
    t.notOk(frame.compressed, path)
    t.match(JSON.parse(inflate(frame)), { event, msg: secret, compress: false })
    await send({ msg: `not ${secret}`, compress: true })
    t.ok((await ann.frame(withText(`not ${secret}`))).compressed, `${path}, otherwise`)
  }
  const page = await ask(ann, { action: 'history', room: 'r', limit: 10 })
  t.notOk(page.compressed, 'a page with it')
  const { messages } = JSON.parse(inflate(page))
  t.match(messages, [{ compress: false }, { msg: `not ${secret}` }])
  t.equal(messages[1].compress, undefined)
  const rest = await service.request('GET', '/rooms/r/messages', { claims })
  t.match(rest.json().messages, [{ compress: false }, {}])
  ann.raw.end()
})

t.test('order is kept among compressed and uncompressed messages, over HTTP/2 too', async (t) => {
  const { certFile, keyFile } = await makeCertificate(t)
  const service = await startService(t, { ...ON, tlsCertFile: certFile, tlsKeyFile: keyFile })
  const h2 = {
    webSocket: Http2WebSocket,
    headers: { 'sec-websocket-extensions': OFFER },
  }
  const clients: ChatClient[] = [
    await service.connect('ann'),
    await service.connect('bo', h2),
    await service.connect('cy', { webSocket: Http2WebSocket }),
  ]
  t.same(
    clients.map(({ socket }) => socket.extensions),
    ['permessage-deflate', 'permessage-deflate', ''],
  )
  for (const client of clients) await client.ask('join', { room: 'r' })
  const sent = Array.from({ length: 300 }, (_, i) => `${i} ${'x'.repeat((i * 7919) % 3000)}`)
  for (const [i, msg] of sent.entries()) {
    clients[i % 3]?.send({ action: 'send_to_room', id: `m${i}`, room: 'r', msg })
    if (i % 3 === 2) await clients[2]?.settled()
  }
  for (const client of clients) {
    while (client.messages('r').length < sent.length) await client.settled()
    const offsets = client.messages('r').map(({ offset }) => offset)
    t.same(
      offsets,
      sent.map((_, i) => i + 1),
    )
  }
  const [first, ...others] = clients.map((client) => client.messages('r').map(({ msg }) => msg))
  for (const other of others) t.same(other, first)
})

t.test('what a client compresses is bounded and checked', async (t) => {
  const service = await startService(t, ON)
  const closes = async (t: Test, code: number, what: string, ...frames: Buffer[]) => {
    const socket = await open(service, 'ann')
    await socket.text('"event":"welcome"')
    socket.send(...frames)
    t.equal(await socket.closeCode(), code, what)
  }
  const compressed = (text: string | Buffer, options = {}) =>
    clientFrame(typeof text === 'string' ? deflate(text) : text, { reserved: 4, ...options })
  const bomb = deflate(Buffer.alloc(50_000_000, 'x'))
  t.comment(`a bomb of ${bomb.length} bytes`)
  await closes(t, 1009, 'a bomb', compressed(bomb))
  await closes(t, 1009, 'a little too long', compressed(`"${'x'.repeat(65_536)}"`))
  const half = bomb.length / 2
  await closes(
    t,
    1009,
    'a bomb in fragments',
    compressed(bomb.subarray(0, half), { fin: false }),
    clientFrame(bomb.subarray(half), { opcode: 0 }),
  )
  await closes(t, 1007, 'no deflate', compressed(Buffer.from([0xff, 0xfe, 0xfd])))
  await closes(t, 1007, 'no UTF-8 within', compressed(deflate(Buffer.from([0xc3, 0x28]))))
  await closes(t, 1002, 'RSV2', compressed('{}', { reserved: 6 }))
  await closes(t, 1002, 'a compressed ping', compressed('x', { opcode: 9 }))
  await closes(t, 1003, 'a compressed binary message', compressed('x', { opcode: 2 }))
  const plain = await open(service, 'ann', '')
  plain.send(compressed('{"action":"ping"}'))
  t.equal(await plain.closeCode(), 1002, 'compressed without agreement')
  while (service.app.connections.size > 0) await new Promise(setImmediate)
})

t.test('an echo of what was tiny is no more than may wait for a client', async (t) => {
  const service = await startService(t, { ...ON, maxBufferedBytes: 100_000 })
  const bomb = clientFrame(deflate(Buffer.alloc(60_000, 'x')), { reserved: 4 })
  const socket = await RawWebSocket.open(service.app.server, '/ws', 'ann', OFFER)
  socket.raw.socket.pause()
  socket.send(...Array<Buffer>(500).fill(bomb))
  let most = 0
  while (most < 1_000_000 && service.app.connections.size > 0) {
    await new Promise(setImmediate)
    most = Math.max(most, service.app.parley.buffered().largest)
  }
  t.ok(most < 1_000_000, `${most} bytes waited`)
  t.equal(service.app.parley.stats.closed.get('4008'), 1)
})

type Method = (this: unknown, ...args: unknown[]) => unknown
type Methods = Record<'compress' | 'decompress', Method>

t.test('a silent connection holds nothing for compression, whatever it has sent', async (t) => {
  // Where ws (de)compresses, it makes a context of zlib for the connection and keeps it.
  const { prototype } = (ws as unknown as { PerMessageDeflate: { prototype: Methods } })
    .PerMessageDeflate
  const { compress, decompress } = prototype
  let used = 0
  const counting = (method: Method): Method =>
    function (this: unknown, ...args) {
      used++
      return method.apply(this, args)
    }
  Object.assign(prototype, { compress: counting(compress), decompress: counting(decompress) })
  t.teardown(() => Object.assign(prototype, { compress, decompress }))
  const service = await startService(t, ON)
  const ann = await open(service, 'ann')
  await ask(ann, { action: 'join', room: 'r' })
  for (let i = 0; i < 10; i++) {
    await ask(ann, { action: 'send_to_room', room: 'r', msg: 'words '.repeat(500) })
  }
  t.equal(used, 0)
  // From here on ws reads what this client sends.
  const parts = deflate('{"action":"ping"}')
  ann.send(
    clientFrame(parts.subarray(0, 5), { reserved: 4, fin: false }),
    clientFrame(parts.subarray(5), { opcode: 0 }),
  )
  await ann.text('"event":"pong"')
  t.equal(used, 2, 'one of a client that sends fragments')
  t.ok((await ask(ann, { action: 'members', room: 'r' })).payload.length > 0)
  ann.raw.end()
})
