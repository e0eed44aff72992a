import fc from 'fast-check'
import type { Client } from '../../../client/index.js'
import type { FakeServer } from './fake-server.js'
import type { Observer } from './observer.js'
import type { VirtualClock } from './virtual-clock.js'

/** What a step of a storm works on. */
export interface Scene {
  readonly clock: VirtualClock
  readonly server: FakeServer
  readonly client: Client<string>
  readonly rooms: readonly [Observer, Observer]
}

/** One thing that happens. */
export interface Step {
  run(scene: Scene): unknown
}

/** What is not of the protocol, and what is but means nothing here. */
export const GARBAGE = [
  'no json',
  '',
  '[]',
  'null',
  '7',
  '{}',
  '{"event":"nonsense"}',
  '{"event":"__proto__"}',
  '{"event":"welcome"}',
  '{"event":"message","room":"a"}',
  '{"event":"message","room":"a","offset":"1","id":"i","user":"u","nick":"n","msg":1,"time":1}',
  '{"event":"message","room":7,"offset":1,"id":"i","user":"u","nick":"n","msg":1,"time":1}',
  '{"event":"message","room":"nobody","offset":1,"id":"i","user":"u","nick":"n","msg":1,"time":1}',
  '{"event":"reset","room":"a"}',
  '{"event":"ok","id":7}',
  '{"event":"ok","id":"unknown"}',
  '{"event":"error","id":"unknown","code":"INTERNAL","message":"x"}',
  '{"event":"error","code":"INTERNAL","message":"x"}',
  '{"event":"joined","room":"a","user":null,"nick":"n","members":1}',
  '{"event":"closing","code":"x","reason":1}',
]

/** Frames that stay in their place: without them nobody could tell one epoch from another. */
const isAnchor = (frame: string) => frame.includes('"epoch"') && !frame.includes('"event":"ok"')

/** Tampers with the next frames of a kind to the client, `count` of them. */
function tamper(
  server: FakeServer,
  kind: string,
  count: number,
  how: (frame: string) => string[],
): void {
  let left = count
  server.tamper = (frame) => {
    if (left <= 0 || isAnchor(frame) || !frame.includes(kind)) return [frame]
    left -= 1
    return how(frame)
  }
}

/** Lets the next frame arrive after the one that follows it. */
function swap(server: FakeServer): void {
  let held: string | undefined
  server.tamper = (frame) => {
    if (held === undefined && !isAnchor(frame)) {
      held = frame
      return []
    }
    server.tamper = (later) => [later]
    if (held === undefined) return [frame]
    return isAnchor(frame) ? [held, frame] : [frame, held]
  }
}

const few = fc.integer({ min: 1, max: 5 })
const time = fc.oneof(fc.nat(50), fc.nat(3000), fc.nat(120_000))
const room = fc.nat(1)
const kind = fc.constantFrom('', '"message"', '"ok"', '"pong"')
const pick = ({ rooms }: Scene, index: number) => rooms[index === 0 ? 0 : 1]

function say(target: Observer, count: number): void {
  for (let i = 0; i < count; i++) target.send(`${target.room.name}#${target.sends.length}`)
}

function publish({ server }: Scene, { room: { name } }: Observer, count: number): void {
  for (let i = 0; i < count; i++) server.publish(name, `other ${server.stored.length}`)
}

/** A kind of step: how often it comes, what it varies in, and what it does. */
function step<Args extends unknown[]>(
  weight: number,
  name: string,
  varies: { [I in keyof Args]: fc.Arbitrary<Args[I]> },
  run: (scene: Scene, ...args: Args) => unknown,
): fc.WeightedArbitrary<Step> {
  const arbitrary = fc.tuple<Args>(...varies).map((args) => ({
    run: (scene: Scene) => run(scene, ...args),
    [fc.toStringMethod]: () => `${name}(${args.map(String).join(', ')})`,
  }))
  return { weight, arbitrary }
}

const refusedAction = fc.constantFrom('send_to_room', 'join', 'leave')
const passingCode = fc.constantFrom('RATE_LIMITED', 'STORE_UNAVAILABLE')
const permanentCode = fc.constantFrom('FORBIDDEN', 'BAD_FIELD', 'INTERNAL')
const closeCode = fc.constantFrom(1001, 1011, 1012, 4001, 4008, 4009, 4029)
const closedDoor = fc.constantFrom('refused' as const, 'silent' as const)

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  step(8, 'wait', [time], ({ clock }, ms) => clock.advance(ms)),
  step(6, 'send', [room, few], (scene, r, count) => say(pick(scene, r), count)),
  step(8, 'publish', [room, few], (scene, r, count) => publish(scene, pick(scene, r), count)),
  step(1, 'reconnect now', [], ({ client }) => client.reconnectNow()),
  step(1, 'suspend', [time], ({ clock }, ms) => clock.suspend(ms)),
  step(2, 'kill', [], ({ server }) => server.kill()),
  step(3, 'half-open', [], ({ server }) => {
    for (const socket of server.live) socket.dead = true
  }),
  step(2, 'outage', [closedDoor, time], ({ server, clock }, door, ms) => {
    server.door = door
    server.kill()
    clock.after(ms, () => {
      server.door = 'open'
    })
  }),
  step(1, 'close', [closeCode], async ({ server, clock }, code) => {
    const { live, latency } = server
    for (const socket of live) {
      socket.push({ event: 'closing', code, reason: 'x', reconnect_after: 700 })
    }
    await clock.advance(latency)
    for (const socket of live) socket.end(code, 'x')
  }),
  step(
    3,
    'refuse',
    [refusedAction, passingCode, fc.nat(5000), few],
    ({ server }, action, code, wait, count) => {
      for (let i = 0; i < count; i++) server.refusals.push({ action, code, retry_after: wait })
    },
  ),
  step(1, 'forbid a send', [permanentCode], ({ server }, code) => {
    server.refusals.push({ action: 'send_to_room', code })
  }),
  step(3, 'drop', [kind, few], ({ server }, k, count) => tamper(server, k, count, () => [])),
  step(3, 'repeat', [kind, few], ({ server }, k, count) =>
    tamper(server, k, count, (frame) => [frame, frame]),
  ),
  step(2, 'swap', [], ({ server }) => swap(server)),
  step(2, 'garbage', [fc.constantFrom(...GARBAGE)], ({ server }, text) => {
    for (const socket of server.live) socket.push(text)
  }),
  step(2, 'erase', [room, fc.nat(3), few], (scene, r, kept, count) => {
    scene.server.erase(pick(scene, r).room.name, kept)
    publish(scene, pick(scene, r), count)
  }),
  step(1, 'trim', [room, fc.nat(3)], (scene, r, keep) =>
    scene.server.trim(pick(scene, r).room.name, keep),
  ),
  step(1, 'forget members', [], ({ server, rooms }) => {
    // That the next send is refused as that of a stranger is all that tells the client.
    server.refusals = []
    for (const socket of server.live) socket.rooms.clear()
    for (const target of rooms) say(target, 1)
  }),
  step(1, 'leave and join', [room], (scene, r) => {
    const target = pick(scene, r)
    void target.room.leave()
    target.forget()
    void target.room.join()
  }),
)
