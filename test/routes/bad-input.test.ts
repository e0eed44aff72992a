import t, { type Test } from 'tap'
import { ChatClient } from '../helpers/chat-client.js'
import { clientFrame } from '../helpers/frames.js'
import { signToken } from '../helpers/jwt.js'
import { listen } from '../helpers/listening-app.js'
import { RawWebSocket } from '../helpers/raw-websocket.js'

const here = await listen(t, { rateLimitMessages: 0 })
const { app, server, port, bystander } = here
const LIMIT = 65_536

const clients: ChatClient[] = []

/** A test after which everything is released and others were not disturbed. */
const check = (name: string, run: (t: Test) => Promise<void>) =>
  t.test(name, async (t) => {
    await run(t)
    for (const client of clients.splice(0)) client.terminate()
    t.ok(await bystander.chats(), 'others are not disturbed')
    await here.quiet()
  })

async function chat(): Promise<ChatClient> {
  const client = new ChatClient(`ws://127.0.0.1:${port}/chat`, { token: signToken({ sub: 'ann' }) })
  clients.push(client)
  await client.opened
  return client
}

/** A `send_to_room` message of exactly so many bytes. */
function messageOf(bytes: number): string {
  const empty = JSON.stringify({ action: 'send_to_room', id: 'big', room: 'r', msg: '' })
  return empty.replace('""', JSON.stringify('x'.repeat(bytes - empty.length)))
}

check('a text that is no action is answered, field and rule named', async (t) => {
  const client = await chat()
  await client.ask('join', { room: 'r' })
  const send = (fields: string) => `{"action":"send_to_room","id":"x","room":"r",${fields}}`
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const cases: [text: string, code: string, says: RegExp][] = [
    ['', 'BAD_JSON', /JSON/],
    ['hello', 'BAD_JSON', /JSON/],
    ['{"action":"ping"', 'BAD_JSON', /JSON/],
    ['{"action":"ping"}{', 'BAD_JSON', /JSON/],
    ['null', 'BAD_JSON', /object/],
    ['[]', 'BAD_JSON', /object/],
    ['"ping"', 'BAD_JSON', /object/],
    ['1e999', 'BAD_JSON', /object/],
    ['[{"action":"ping"}]', 'BAD_JSON', /object/],
    ['{}', 'BAD_ACTION', /"action"/],
    ['{"action":null}', 'BAD_ACTION', /"action"/],
    ['{"action":"PING"}', 'BAD_ACTION', /"action"/],
    ['{"action":"__proto__"}', 'BAD_ACTION', /"action"/],
    ['{"action":"constructor"}', 'BAD_ACTION', /"action"/],
    ['{"action":["ping"]}', 'BAD_ACTION', /"action"/],
    ['{"__proto__":{"action":"ping"}}', 'BAD_ACTION', /"action"/],
    ['{"action":"join","id":"x","__proto__":{"room":"r"}}', 'BAD_FIELD', /"room" is missing/],
    ['{"action":"leave","room":"r"}', 'BAD_FIELD', /"id" is missing/],
    ['{"action":"leave","id":7,"room":"r"}', 'BAD_FIELD', /"id"/],
    [`{"action":"leave","id":"${'i'.repeat(65)}","room":"r"}`, 'BAD_FIELD', /"id".* 64 /],
    ['{"action":"join","id":"x","room":{}}', 'BAD_FIELD', /"room"/],
    ['{"action":"join","id":"x","room":""}', 'BAD_FIELD', /"room"/],
    ['{"action":"join","id":"x","room":" r"}', 'BAD_FIELD', /"room"/],
    [`{"action":"join","id":"x","room":"${'r'.repeat(129)}"}`, 'BAD_FIELD', /"room".* 128 /],
    ['{"action":"join","id":"x","room":"a\\u0000b"}', 'BAD_FIELD', /control/],
    ['{"action":"join","id":"x","room":"a\\nb"}', 'BAD_FIELD', /control/],
    ['{"action":"join","id":"x","room":"a\\u202eb"}', 'BAD_FIELD', /bidirectional/],
    ['{"action":"join","id":"x","room":"a\\u2066b"}', 'BAD_FIELD', /bidirectional/],
    ['{"action":"join","id":"x","room":"a\\ud800"}', 'BAD_FIELD', /"room"/],
    ['{"action":"join","id":"x","room":"\\udc00\\ud800"}', 'BAD_FIELD', /"room"/],
    ['{"action":"join","id":"x","room":"r","nick":"a\\u200fb"}', 'BAD_FIELD', /"nick"/],
    ['{"action":"join","id":"x","room":"r","history":1001}', 'BAD_FIELD', /"history".* 1000/],
    ['{"action":"join","id":"x","room":"r","history":-1}', 'BAD_FIELD', /"history"/],
    ['{"action":"join","id":"x","room":"r","history":1.5}', 'BAD_FIELD', /"history"/],
    ['{"action":"join","id":"x","room":"r","since":5}', 'BAD_FIELD', /"since"/],
    ['{"action":"join","id":"x","room":"r","since":{"epoch":"e"}}', 'BAD_FIELD', /"since"/],
    [
      '{"action":"join","id":"x","room":"r","since":{"epoch":"e","offset":1e17}}',
      'BAD_FIELD',
      /"since"/,
    ],
    ['{"action":"history","id":"x","room":"r","after":"1"}', 'BAD_FIELD', /"after"/],
    ['{"action":"history","id":"x","room":"r","limit":1e999}', 'BAD_FIELD', /"limit"/],
    ['{"action":"auth","id":"x","token":""}', 'BAD_FIELD', /"token"/],
    [send('"m":1'), 'BAD_FIELD', /"msg" is missing/],
    [send('"msg":1e999'), 'BAD_FIELD', /"msg".*double/],
    [send('"msg":{"a":[-1e999]}'), 'BAD_FIELD', /"msg".*double/],
    [send(`"msg":${nested(65)}`), 'BAD_FIELD', /"msg".*64 levels/],
    [send(`"msg":${nested(30_000)}`), 'BAD_FIELD', /"msg".*64 levels/],
    [send(`"msg":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`), 'BAD_FIELD', /"msg".*64 levels/],
  ]
  for (const [text, code, says] of cases) {
    client.send(text)
    const { code: got, message } = await client.event('error')
    t.equal(got, code, text.slice(0, 60))
    t.match(message, says)
    if (/^\{"action":"[a-z_]+","id":"x",/.test(text)) t.equal(client.events.at(-1)?.id, 'x')
    await client.settled()
  }
})

check('a strange value that is JSON comes through as it is', async (t) => {
  const client = await chat()
  await client.ask('join', { room: 'strange' })
  const values = [
    '{"__proto__":{"admin":true},"constructor":1,"toString":null}',
    '"\\ud800"',
    '"\\u0000\\u202e\\u2028"',
    '[[[[[[[[[[]]]]]]]]]]',
    '9007199254740993',
    '-0',
    '5e-324',
    '{"":""}',
    '"],\\"event\\":\\"ok\\""',
  ]
  for (const [i, value] of values.entries()) {
    client.send(`{"action":"send_to_room","id":"s${i}","room":"strange","msg":${value}}`)
    const { msg, offset } = await client.event('message')
    t.equal(JSON.stringify(msg), JSON.stringify(JSON.parse(value)))
    t.equal(offset, i + 1)
  }
  t.notOk(({} as { admin?: boolean }).admin)
})

check('a message may have the limit and not a byte more', async (t) => {
  const client = await chat()
  await client.ask('join', { room: 'r' })
  for (const size of [LIMIT - 1, LIMIT]) {
    client.send(messageOf(size))
    t.equal((await client.reply('big')).event, 'ok', `${size} bytes`)
  }
  client.send(messageOf(LIMIT + 1))
  t.equal((await client.closed).code, 1009)
})

check(
  'ten malformed messages in a row close the connection, nine and a good one do not',
  async (t) => {
    const client = await chat()
    for (let i = 0; i < 9; i++) client.send('?')
    await client.settled()
    for (let i = 0; i < 10; i++) client.send('?')
    t.equal((await client.closed).code, 4502)
  },
)

check(
  'what breaks the rules of frames closes the connection with the code that says so',
  async (t) => {
    const text = (payload: string, options = {}) => clientFrame(payload, options)
    const ping = '{"action":"ping"}'
    const cases: [name: string, bytes: Uint8Array[], code: number][] = [
      ['unmasked', [text(ping, { masked: false })], 1002],
      ['a reserved bit', [text(ping, { reserved: 4 })], 1002],
      ['all reserved bits', [text(ping, { reserved: 7 })], 1002],
      ['a reserved opcode', [text(ping, { opcode: 3 })], 1002],
      ['a reserved control opcode', [text('', { opcode: 11 })], 1002],
      ['a continuation of nothing', [text(ping, { opcode: 0 })], 1002],
      ['a text within a text', [text('{', { fin: false }), text(ping)], 1002],
      ['a fragmented ping', [text('', { opcode: 9, fin: false })], 1002],
      ['a ping of 126 bytes', [text('x'.repeat(126), { opcode: 9 })], 1002],
      ['a close with one byte', [text('x', { opcode: 8 })], 1002],
      ['a close with code 1005', [clientFrame(Buffer.of(3, 237), { opcode: 8 })], 1002],
      ['a close with invalid UTF-8', [clientFrame(Buffer.of(3, 232, 255), { opcode: 8 })], 1007],
      ['invalid UTF-8', [clientFrame(Buffer.of(0x22, 0xc3, 0x28, 0x22))], 1007],
      ['half a character', [clientFrame(Buffer.of(0xe2, 0x82))], 1007],
      ['a surrogate in UTF-8', [clientFrame(Buffer.of(0xed, 0xa0, 0x80))], 1007],
      ['a length beyond the limit', [text('', { length: LIMIT + 1 })], 1009],
      ['a length of 2^53', [text('', { length: 2n ** 53n })], 1009],
      ['a length of 2^63', [text('', { length: 2n ** 63n })], 1009],
      [
        'fragments beyond the limit',
        [text('x'.repeat(LIMIT), { fin: false }), text('x', { opcode: 0 })],
        1009,
      ],
    ]
    for (const path of ['/chat', '/ws']) {
      for (const [name, bytes, code] of cases) {
        const socket = await RawWebSocket.open(server, path)
        socket.send(...bytes)
        t.equal(await socket.closeCode(), code, `${name} on ${path}`)
      }
    }
    const binary = await RawWebSocket.open(server, '/chat')
    binary.send(text(ping, { opcode: 2 }))
    t.equal(await binary.closeCode(), 1003, 'binary on /chat')
  },
)

check('a message split at every byte, or into fragments with pings between, is one', async (t) => {
  const socket = await RawWebSocket.open(server, '/chat')
  for (const byte of clientFrame('{"action":"join","id":"ü","room":"r"}'))
    socket.send(Buffer.of(byte))
  await socket.text('"ok"', '"ü"')
  const bytes = Buffer.from('{"action":"members","id":"ö€😀","room":"r"}')
  for (let i = 0; i < bytes.length; i++) {
    const opcode = i === 0 ? 1 : 0
    socket.send(clientFrame(bytes.subarray(i, i + 1), { opcode, fin: i === bytes.length - 1 }))
    if (i % 10 === 0) socket.send(clientFrame('', { opcode: 9 }))
  }
  await socket.text('"ok"', '"ö€😀"')
  t.equal(socket.frames.filter(({ opcode }) => opcode === 10).length, 5)
  socket.send(clientFrame(Buffer.of(3, 232), { opcode: 8 }))
  t.equal(await socket.closeCode(), 1000)
})

check('actions in one packet take effect one after the other', async (t) => {
  const socket = await RawWebSocket.open(server, '/chat')
  const say = (id: string) => ({ action: 'send_to_room', id, room: 'one', msg: id })
  const actions = [
    say('too early'),
    { action: 'join', id: 'join', room: 'one' },
    say('in time'),
    { action: 'leave', id: 'leave', room: 'one' },
    say('too late'),
    { action: 'join', id: 'again', room: 'one', history: 10 },
  ]
  socket.send(...actions.map((action) => clientFrame(JSON.stringify(action))))
  // The log answers in its own time: that of `in time` may come last.
  await socket.text('"ok"', '"id":"in time"')
  if (!socket.frames.some(({ payload }) => payload.includes('"again"')))
    await socket.text('"again"')
  const events = socket.frames.map(({ payload }) => JSON.parse(payload.toString()))
  const answers = events.filter(({ event }) => event === 'ok' || event === 'error')
  t.same(answers.map(({ event, id, code }) => [id, code ?? event]).sort(), [
    ['again', 'ok'],
    ['in time', 'ok'],
    ['join', 'ok'],
    ['leave', 'ok'],
    ['too early', 'NOT_A_MEMBER'],
    ['too late', 'NOT_A_MEMBER'],
  ])
  socket.raw.end()
})

check('empty messages and fragments are echoed, as one message of the same type', async (t) => {
  const socket = await RawWebSocket.open(server, '/ws')
  socket.send(clientFrame(''), clientFrame('', { opcode: 2 }))
  socket.send(clientFrame('a', { fin: false }), clientFrame('', { opcode: 0, fin: false }))
  socket.send(clientFrame('b', { opcode: 0 }))
  await socket.text('ab')
  t.same(
    socket.frames.map(({ opcode, payload }) => [opcode, payload.toString()]),
    [
      [1, ''],
      [2, ''],
      [1, 'ab'],
    ],
  )
  socket.raw.end()
})

check('a message of endless empty fragments is ended', async (t) => {
  const socket = await RawWebSocket.open(server, '/chat')
  socket.send(clientFrame('', { fin: false }))
  const fragments = Buffer.concat(
    Array.from({ length: 10_000 }, () => clientFrame('', { opcode: 0, fin: false })),
  )
  const code = socket.closeCode()
  let ended = false
  void code.then(() => {
    ended = true
  })
  for (let i = 0; i < 100 && !ended; i++) {
    socket.send(fragments)
    await new Promise(setImmediate)
  }
  t.ok([1002, 1006, 1008, 1009].includes((await code) as number))
})

check('pings without end, from who never reads, do not grow the server', async (t) => {
  const socket = await RawWebSocket.open(server, '/chat', 'flood')
  socket.raw.socket.pause()
  const pings = Buffer.concat(
    Array.from({ length: 500 }, () => clientFrame('x'.repeat(100), { opcode: 9 })),
  )
  let most = 0
  for (let i = 0; i < 1000 && !socket.raw.socket.destroyed; i++) {
    const [connection] = app.connections.ofUser('flood')
    if (!connection) break
    most = Math.max(most, connection.transport.buffered)
    if (!socket.raw.socket.writableNeedDrain) socket.send(pings)
    await new Promise(setImmediate)
  }
  t.ok(most < 4_000_000, `${most} bytes were waiting`)
  socket.raw.end()
})

check('an echo is not sent faster than it is read', async (t) => {
  const socket = await RawWebSocket.open(server, '/ws', 'reader')
  socket.raw.socket.pause()
  const message = clientFrame('x'.repeat(60_000))
  let most = 0
  let stuck = 0
  let sent = 0
  while (stuck < 200) {
    const [connection] = app.connections.ofUser('reader')
    most = Math.max(most, connection?.transport.buffered ?? 0)
    if (socket.raw.socket.writableLength > 1_000_000) stuck++
    else {
      socket.send(message)
      sent++
    }
    await new Promise(setImmediate)
  }
  t.ok(most < 1_000_000, `${most} bytes were waiting`)
  socket.raw.socket.resume()
  for (let echoed = 0; echoed < sent; echoed++) {
    const { payload } = await socket.frame(({ opcode }) => opcode === 1)
    if (payload.length !== 60_000) t.equal(payload.length, 60_000)
  }
  t.pass('and everything comes back in the end')
  socket.raw.end()
})
