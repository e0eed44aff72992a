import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type WebSocket, WebSocketServer } from 'ws'
import { json } from '../../bench/suite/dialects.js'
import { findGenerator, generate } from '../../bench/suite/generator.js'
import type { Load } from '../../bench/suite/plan.js'

t.setTimeout(120_000)

/** How a room hands messages on; `n` counts its messages. */
type Delivery = (members: readonly WebSocket[], text: string, n: number) => void

const honest: Delivery = (members, text) => {
  for (const member of members) member.send(text)
}

/** Each does to the first member of the room what must be noticed. */
const faults: Record<string, { deliver: Delivery; noticed: string }> = {
  loses: {
    noticed: 'gaps',
    deliver: (members, text, n) => honest(n === 10 ? members.slice(1) : members, text, n),
  },
  doubles: {
    noticed: 'repeats',
    deliver: (members, text, n) => {
      honest(members, text, n)
      if (n === 10) members[0]?.send(text)
    },
  },
  'loses the end': {
    noticed: 'missing',
    deliver: (members, text, n) => honest(n > 10 ? members.slice(1) : members, text, n),
  },
}

/** Two members see two senders' messages in another order. */
function swapping(): Delivery {
  let held: string | undefined
  return (members, text, n) => {
    const [first, ...rest] = members
    for (const member of rest) member.send(text)
    const other = held && JSON.parse(held).user !== JSON.parse(text).user
    if (n === 10) held = text
    else if (held && other) {
      first?.send(text)
      first?.send(held)
      held = undefined
    } else if (!held) first?.send(text)
  }
}

/** A server of rooms in this process. */
async function serve(t: Test, deliver: Delivery): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const rooms = new Map<string, { members: WebSocket[]; n: number }>()
  server.on('connection', (socket, request) => {
    const user = new URL(request.url ?? '', 'http://localhost').searchParams.get('user')
    socket.on('message', (data) => {
      const { action, id, room, msg } = JSON.parse(data.toString())
      const state = rooms.get(room) ?? { members: [], n: 0 }
      rooms.set(room, state)
      if (action === 'join') {
        state.members.push(socket)
        socket.send(JSON.stringify({ event: 'ok', id }))
      } else {
        deliver(state.members, JSON.stringify({ event: 'message', user, room, id, msg }), ++state.n)
      }
    })
  })
  await once(server, 'listening')
  t.teardown(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function run(t: Test, kind: 'native' | 'js', deliver: Delivery, load: Partial<Load> = {}) {
  const tokens = join(t.testdir(), 'tokens')
  writeFileSync(tokens, 'none\n')
  const port = await serve(t, deliver)
  const rooms = { rooms: 2, members: 4, senders: 2, in_flight: 3, payload: 128 }
  const times = { warmup: 0.02, seconds: 0.1, patience: 0.5 }
  const target = { port, pids: [process.pid], endpoint: json.chat, tokens }
  const whole: Load = { work: 'chat', ...rooms, ...times, ...load }
  return generate(findGenerator(kind), whole, target, undefined)
}

for (const kind of ['native', 'js'] as const) {
  const missing = kind === 'native' && findGenerator(undefined).name !== 'native'
  const skip = missing && process.env.REQUIRE_SERVICES !== '1' && 'there is no C compiler'
  t.test(`the ${kind} generator`, { skip }, async (t) => {
    t.test('finds nothing wrong with a server that delivers', async (t) => {
      for (const load of [{}, { split: true, in_flight: 1 }, { pings: true }, { rate: 50 }]) {
        const report = await run(t, kind, honest, load)
        t.comment(JSON.stringify(load))
        t.equal(report.delivered, (report.published ?? 0) * 4, 'every member got every message')
        t.strictSame(new Set(Object.values(report.faults)), new Set([0]), 'no faults')
        // By the clock nothing need come within a window on a machine that is busy.
        if (load.rate) continue
        t.ok(report.frames > 0, 'deliveries are counted')
        t.ok(report.p99 >= report.p50 && report.p50 > 0, 'tells latencies')
        t.ok(report.serverCpu > 0 && report.rssKb > 0, 'tells CPU and memory of the server')
      }
    })
    for (const [name, { deliver, noticed }] of Object.entries(faults)) {
      t.test(`notices a server that ${name}`, async (t) => {
        const { faults } = await run(t, kind, deliver)
        t.ok((faults[noticed] ?? 0) > 0, `${noticed}: ${faults[noticed]}`)
      })
    }
    t.test('notices a server that swaps the messages of two senders', async (t) => {
      const { faults } = await run(t, kind, swapping(), { rooms: 1 })
      t.ok((faults.disordered ?? 0) > 0, `disordered: ${faults.disordered}`)
    })
  })
}
