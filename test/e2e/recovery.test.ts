import t from 'tap'
import type { AnyEvent, ChatClient } from '../helpers/chat-client.js'
import { startService } from '../helpers/service.js'

const SENDERS = 20
/** `RECOVERY_JOINS=1000` for the long run. */
const JOINS = Number(process.env.RECOVERY_JOINS ?? 300)

interface Position {
  epoch: string
  offset: number
}

/** Checks one stay in the room: the join's reply, then live messages, each the one after the last. */
class Stay {
  readonly problems: string[] = []
  position: Position

  constructor(since: Position, reply: AnyEvent) {
    this.position = since
    if (reply.event !== 'ok' || reply.recovered !== true) this.problems.push(JSON.stringify(reply))
    for (const message of (reply.messages ?? []) as AnyEvent[]) this.#take(message, 'page')
    if (reply.offset !== this.position.offset) {
      this.problems.push(`reply says ${reply.offset}, its messages end at ${this.position.offset}`)
    }
  }

  live(event: AnyEvent): void {
    this.#take(event, 'live')
  }

  #take({ offset, msg }: AnyEvent, from: string): void {
    const expected = this.position.offset + 1
    if (offset !== expected) this.problems.push(`${from}: ${offset} instead of ${expected}`)
    if (msg !== `message ${offset}`) this.problems.push(`${from}: ${offset} carries ${msg}`)
    this.position = { ...this.position, offset: Number(offset) }
  }
}

t.test('a join with since, while 20 clients send, has no hole, repeat or swap', async (t) => {
  // A page holds less than is often missing, so that joins have to be served in several pages.
  const service = await startService(t, { maxBufferedBytes: 262_144 })
  const senders = await Promise.all(
    Array.from({ length: SENDERS }, (_, i) => service.connect(`sender-${i}`)),
  )
  for (const sender of senders) await sender.ask('join', { room: 'r' })
  let running = true
  let sent = 0
  // The payload is the offset that the message will get: there is one order, that of the log.
  const { broker } = service.app.parley
  const append = broker.append.bind(broker)
  broker.append = (room, message) => append(room, { ...message, msg: `"message ${++sent}"` })
  const sending = senders.map(async (sender) => {
    while (running) await sender.ask('send_to_room', { room: 'r', msg: null })
  })

  const joiner = await service.connect('joiner')
  const first = await joiner.ask('join', { room: 'r' })
  let position: Position = { epoch: String(first.epoch), offset: Number(first.offset) }
  const problems: string[] = []
  let received = 0
  for (let i = 0; i < JOINS; i++) {
    await joiner.ask('leave', { room: 'r' })
    position = backBy(position, i)
    const start = joiner.events.length
    const stay = new Stay(position, await joiner.ask('join', { room: 'r', since: position }))
    await liveMessages(joiner, 3)
    for (const event of joiner.events.slice(start)) {
      if (event.event === 'message') stay.live(event)
    }
    received += stay.position.offset - position.offset
    problems.push(...stay.problems)
    position = stay.position
    joiner.events.length = 0
  }
  running = false
  await Promise.all(sending)
  t.same(problems.slice(0, 5), [])
  t.ok(received > JOINS, `${received} messages over ${JOINS} joins`)
})

/** Now and then further back, so that pages of every size are asked for. */
function backBy(position: Position, i: number): Position {
  const back = i % 50 === 49 ? 2000 : i % 10
  return { ...position, offset: Math.max(0, position.offset - back) }
}

/** Resolves once some messages of the room have come live. */
async function liveMessages(client: ChatClient, count: number): Promise<void> {
  const wanted = client.messages('r').length + count
  while (client.messages('r').length < wanted) {
    await new Promise((resolve) => client.socket.once('message', resolve))
  }
}
