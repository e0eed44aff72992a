import { Connection, openAll } from './connection.js'
import { costNow, pause, report, rssKb, warmUp, windowEnd } from './cost.js'
import { Member, nowMicros } from './member.js'
import type { Plan } from './plan.js'

/** Rooms: senders publish with so many in flight or at a rate, and every member checks. */
export async function chat(plan: Plan) {
  const rooms = plan.number('rooms', 1)
  const rate = plan.number('rate', 0)
  const inFlight = plan.number('in_flight', 1)
  if (plan.number('slow_bytes', 0) > 0) throw new Error('slow readers need the native generator')
  const latencies: number[] = []
  let [running, byRate, measuring, closed] = [false, false, false, 0]

  const topUp = (member: Member) => {
    while (running && !byRate && member.sender && member.pending < inFlight) {
      member.publish(nowMicros())
      published[member.connection.room] = (published[member.connection.room] ?? 0) + 1
    }
  }
  const connections = Array.from({ length: rooms * plan.number('members', 1) }, (_, index) => {
    return new Connection(plan, index, rooms, {
      message({ index }, { payload }) {
        const member = members[index] as Member
        const message = member.receive(payload)
        if (!message) return
        if (measuring && !dead(member) && (message.mine || rate > 0)) {
          latencies.push((nowMicros() - message.due) / 1000)
        }
        if (message.mine) topUp(member)
      },
      closed: ({ local }) => {
        if (!(plan.flag('dead') && local === 1)) closed++
      },
    })
  })
  const published: number[] = Array(rooms).fill(0)
  const members = connections.map((connection) => new Member(plan, connection))
  const dead = ({ connection }: Member) => plan.flag('dead') && connection.local === 1
  const checked = members.filter((member) => !dead(member))
  const delivered = () => members.reduce((total, { received }) => total + received, 0)
  const missing = () =>
    checked.reduce((total, { connection, received }) => {
      return total + (connection.closed ? 0 : (published[connection.room] as number) - received)
    }, 0)

  await openAll(plan, connections)
  await pause(0.2)
  running = true
  for (const member of members) if (dead(member)) member.connection.reading(false)
  for (const member of members) topUp(member)
  await warmUp(plan)
  byRate = rate > 0
  if (byRate) byTheClock(plan, members, published, () => running)
  if (byRate) await pause(0.5)
  measuring = true
  const before = delivered()
  const from = costNow(plan)
  await stall(plan, members)
  const to = await windowEnd(plan, from)
  const frames = delivered() - before
  measuring = running = false
  const pongs = () =>
    members.reduce((sum, { pings, connection }) => sum + pings - connection.pongs, 0)
  const until = performance.now() + plan.number('patience', 20) * 1000
  while ((missing() > 0 || pongs() > 0) && performance.now() < until) await pause(0.05)

  const sum = (of: (member: Member) => number) => checked.reduce((total, m) => total + of(m), 0)
  const first = (room: number) => checked.find(({ connection }) => connection.room === room)
  return {
    ...report(plan, from, to, frames, latencies),
    published: published.reduce((a, b) => a + b, 0),
    delivered: delivered(),
    slices: [],
    closedOdd: 0,
    faults: {
      gaps: sum(({ gaps }) => gaps),
      repeats: sum(({ repeats }) => repeats),
      disordered: sum(({ order, connection }) => {
        return !connection.closed && order !== first(connection.room)?.order ? 1 : 0
      }),
      missing: missing(),
      closed,
      pongs: pongs(),
    },
  }
}

/** Publishes at the plan's rate, senders taking turns, until told to stop. */
function byTheClock(
  plan: Plan,
  members: readonly Member[],
  published: number[],
  running: () => boolean,
): void {
  const [rooms, count, senders] = [
    plan.number('rooms', 1),
    plan.number('members', 1),
    plan.number('senders', 1),
  ]
  const every = 1e6 / (plan.number('rate', 1) * rooms)
  const start = nowMicros()
  let next = 0
  const publishDue = () => {
    if (!running()) return
    for (let due = start + next * every; due <= nowMicros(); due = start + next * every) {
      const room = next % rooms
      const local = count - 1 - (Math.floor(next / rooms) % senders)
      members[local * rooms + room]?.publish(Math.round(due))
      published[room] = (published[room] as number) + 1
      next++
    }
    setTimeout(publishDue, 1)
  }
  publishDue()
}

/** Lets the first member of each room read nothing for the plan's time. */
async function stall(plan: Plan, members: readonly Member[]): Promise<void> {
  const seconds = plan.number('stall', 0)
  if (seconds === 0) return
  const firsts = members.filter(({ connection }) => connection.local === 0)
  for (const { connection } of firsts) connection.reading(false)
  await pause(seconds)
  for (const { connection } of firsts) connection.reading(true)
}

/** Idle members: the server's memory before and with them. */
export async function idle(plan: Plan) {
  let closed = 0
  const rooms = plan.number('rooms', 1)
  const connections = Array.from({ length: plan.number('connections', 1) }, (_, index) => {
    return new Connection(plan, index, rooms, { closed: () => closed++ })
  })
  const rssBeforeKb = rssKb(plan)
  const from = costNow(plan)
  await openAll(plan, connections)
  const to = costNow(plan)
  await pause(plan.number('warmup', 1))
  const idleFrom = costNow(plan)
  await pause(plan.number('seconds', 1))
  const idleCpu = costNow(plan).server - idleFrom.server
  return { ...report(plan, from, to, connections.length), rssBeforeKb, idleCpu, faults: { closed } }
}
