import type { Test } from 'tap'
import {
  type Broker,
  type NewMessage,
  type Page,
  StoreUnavailable,
} from '../../src/broker/broker.js'
import { Recorder } from './recorder.js'

/** Settings that a broker under test is opened with. */
export interface ContractSettings {
  readonly historyMessages: number
  readonly historySeconds: number
}

/** One set of rooms: all its brokers are nodes over the same rooms. */
export interface ContractLab {
  /** A broker that is not started. */
  node(): Broker | Promise<Broker>
  /** Removes what the lab holds; its brokers are closed by then. */
  dispose?(): Promise<void>
}

export interface ContractOptions {
  /** An empty set of rooms. */
  open(settings: ContractSettings): Promise<ContractLab>
  /** Rooms outlive their brokers: a new node after the last one was closed finds them. */
  readonly durable: boolean
  /** Several nodes may run at once. */
  readonly nodes: boolean
}

const READ = { limit: 1000, maxLength: 1_000_000 }

/**
 * The contract of `Broker`, as tests. Call it with what opens your implementation:
 *
 *     brokerContract(t, { open: async () => ({ node: () => createMyBroker() }), … })
 */
export function brokerContract(t: Test, options: ContractOptions): void {
  const settings = { historyMessages: 1000, historySeconds: 3600 }

  /** Runs a test with one started broker. */
  const check = (
    name: string,
    run: (t: Test, it: { broker: Broker; heard: Recorder; lab: ContractLab }) => Promise<void>,
    use: Partial<ContractSettings> = {},
  ) =>
    t.test(name, async (t) => {
      const lab = await options.open({ ...settings, ...use })
      const { broker, heard } = await startNode(t, lab)
      t.teardown(() => lab.dispose?.())
      await run(t, { broker, heard, lab })
    })

  check('a room that nobody wrote to keeps its epoch until its first message', async (t, it) => {
    const { broker } = it
    const position = await broker.subscribe('new')
    t.equal(position.offset, 0)
    t.match(position.epoch, /^.{1,64}$/)
    t.same(await broker.subscribe('new'), position)
    const page = await broker.read('new', READ)
    t.same(page, { ...position, first: 1, messages: [], more: false })
    const first = await broker.append('new', message(1))
    t.same([first.epoch, first.offset, first.duplicate], [position.epoch, 1, false])
    t.equal((await broker.read('new', READ)).epoch, position.epoch)
  })

  check('appends get offsets 1, 2, 3 in the order of the calls', async (t, { broker }) => {
    const results = await Promise.all(range(1, 50).map((n) => broker.append('r', message(n))))
    t.same(
      results.map(({ offset }) => offset),
      range(1, 50),
    )
    t.equal(new Set(results.map(({ epoch }) => epoch)).size, 1)
    const page = await broker.read('r', READ)
    t.same(
      page.messages.map(({ json }) => JSON.parse(json).id),
      range(1, 50).map((n) => `m${n}`),
    )
  })

  check('a stored message is the complete event, with any text in it', async (t, { broker }) => {
    const text = 'quote " and \\ and \u0000 and 😀 and ,"msg": and \u2028'
    const { offset, time } = await broker.append('r "1"', {
      id: 'ü-1',
      user: 'u\u{1F600}',
      nick: ',"msg":',
      msg: JSON.stringify({ text }),
    })
    const { messages } = await broker.read('r "1"', READ)
    t.equal(messages.length, 1)
    t.equal(messages[0]?.time, time)
    t.same(JSON.parse(messages[0]?.json ?? ''), {
      event: 'message',
      room: 'r "1"',
      offset,
      id: 'ü-1',
      user: 'u\u{1F600}',
      nick: ',"msg":',
      msg: { text },
      time,
    })
    await broker.append('r "1"', { ...message(2), compress: true })
    await broker.append('r "1"', { ...message(3), compress: false })
    const page = await broker.read('r "1"', { ...READ, after: offset })
    t.same(
      page.messages.map(({ json }) => JSON.parse(json).compress),
      [undefined, false],
      'says that it is not to be compressed, and only that',
    )
  })

  check(
    'a repeat gets the first offset and time, whatever its body',
    async (t, { broker, heard }) => {
      await broker.subscribe('r')
      const first = await broker.append('r', message(1))
      const repeat = await broker.append('r', { ...message(1), msg: '"other"', nick: 'Other' })
      t.same(repeat, { ...first, duplicate: true })
      t.same(heard.offsets('r'), [1])
      const other = await broker.append('r', { ...message(1), user: 'bob' })
      t.equal(other.offset, 2, 'the id belongs to its user')
      const elsewhere = await broker.append('r2', message(1))
      t.same([elsewhere.offset, elsewhere.duplicate], [1, false], 'and to its room')
    },
  )

  check('repeats at the same moment are stored once', async (t, { broker }) => {
    const results = await Promise.all(range(1, 10).map(() => broker.append('r', message(1))))
    t.same(
      results.map(({ offset }) => offset),
      range(1, 10).map(() => 1),
    )
    t.equal(results.filter(({ duplicate }) => !duplicate).length, 1)
    t.equal((await broker.read('r', READ)).messages.length, 1)
  })

  check(
    'a subscribed room gets each message once, in order, before its append resolves',
    async (t, it) => {
      const { broker, heard } = it
      await broker.append('r', message(1))
      const { epoch, offset } = await broker.subscribe('r')
      t.equal(offset, 1)
      await Promise.all(
        range(2, 40).map(async (n) => {
          const result = await broker.append('r', message(n))
          t.ok(heard.offsets('r').includes(result.offset), 'delivered before it resolved')
        }),
      )
      t.same(heard.offsets('r'), range(2, 40))
      t.ok(heard.events('r').every((e) => e.event === 'message' && e.epoch === epoch))
      const page = await broker.read('r', { ...READ, after: 1 })
      t.same(page.messages, heard.messages('r'), 'and as it stands in the log')
      await broker.unsubscribe('r')
      await broker.append('r', message(41))
      t.same(heard.offsets('r').length, 39, 'nothing after unsubscribe')
    },
  )

  check(
    'a subscription between appends misses and repeats nothing',
    async (t, { broker, heard }) => {
      const appends: Promise<unknown>[] = []
      let position: { offset: number } | undefined
      for (const n of range(1, 200)) {
        appends.push(broker.append('r', message(n)))
        if (n === 100) position = await broker.subscribe('r')
        else if (n % 7 === 0) await Promise.resolve()
      }
      await Promise.all(appends)
      await heard.until(() => heard.offsets('r').at(-1) === 200)
      t.same(heard.offsets('r'), range((position?.offset ?? 0) + 1, 200))
    },
  )

  check('pages: after, before, newest, upTo, limit', async (t, { broker }) => {
    for (const n of range(1, 20)) await broker.append('r', message(n))
    const read = async (query: object) => summary(await broker.read('r', { ...READ, ...query }))
    t.same(await read({}), { offsets: range(1, 20), more: false })
    t.same(await read({ limit: 5 }), { offsets: range(16, 20), more: true })
    t.same(await read({ limit: 0 }), { offsets: [], more: true })
    t.same(await read({ after: 0, limit: 5 }), { offsets: range(1, 5), more: true })
    t.same(await read({ after: 15, limit: 5 }), { offsets: range(16, 20), more: false })
    t.same(await read({ after: 15, limit: 4 }), { offsets: range(16, 19), more: true })
    t.same(await read({ after: 20 }), { offsets: [], more: false })
    t.same(await read({ after: 500 }), { offsets: [], more: false })
    t.same(await read({ after: 2, upTo: 6 }), { offsets: range(3, 6), more: false })
    t.same(await read({ after: 2, upTo: 6, limit: 3 }), { offsets: range(3, 5), more: true })
    t.same(await read({ after: 2, upTo: 99 }), { offsets: range(3, 20), more: false })
    t.same(await read({ before: 6 }), { offsets: range(1, 5), more: false })
    t.same(await read({ before: 6, limit: 2 }), { offsets: [4, 5], more: true })
    t.same(await read({ before: 1 }), { offsets: [], more: false })
    t.same(await read({ before: 99, limit: 1 }), { offsets: [20], more: true })
    t.same(await read({ before: 6, after: 18 }), { offsets: [19, 20], more: false })
  })

  check('a page stops before it grows too long, but never empty', async (t, { broker }) => {
    for (const n of range(1, 6)) {
      await broker.append('r', { ...message(n), msg: JSON.stringify('x'.repeat(1000)) })
    }
    const read = async (query: object) =>
      summary(await broker.read('r', { limit: 100, maxLength: 3500, ...query }))
    t.same(await read({ after: 0 }), { offsets: [1, 2, 3], more: true })
    t.same(await read({ after: 3 }), { offsets: [4, 5, 6], more: false })
    t.same(await read({}), { offsets: [4, 5, 6], more: true })
    t.same(await read({ before: 4 }), { offsets: [1, 2, 3], more: false })
    t.same(await read({ after: 0, maxLength: 10 }), { offsets: [1], more: true })
    t.same(await read({ maxLength: 10 }), { offsets: [6], more: true })
  })

  check(
    'no more messages are shown than are to be kept',
    async (t, { broker }) => {
      for (const n of range(1, 12)) await broker.append('r', message(n))
      const page = await broker.read('r', { ...READ, after: 0 })
      t.same([page.first, page.offset], [8, 12])
      t.same(summary(page), { offsets: range(8, 12), more: false })
      t.same(summary(await broker.read('r', { ...READ, before: 3 })), { offsets: [], more: false })
      t.match(await broker.room('r'), { first: 8, offset: 12 })
      const repeat = await broker.append('r', message(1))
      t.same([repeat.offset, repeat.duplicate], [1, true], 'ids are remembered longer')
    },
    { historyMessages: 5 },
  )

  check('erasing gives a new epoch and starts over', async (t, { broker, heard }) => {
    const before = await broker.append('r', message(1))
    await broker.subscribe('r')
    const [erased, next, repeat] = await Promise.all([
      broker.erase('r'),
      broker.append('r', message(2)),
      broker.append('r', message(1)),
    ])
    t.not(erased.epoch, before.epoch)
    t.equal(erased.offset, 0)
    t.same([next.epoch, next.offset], [erased.epoch, 1])
    t.same([repeat.epoch, repeat.offset, repeat.duplicate], [erased.epoch, 2, false])
    t.same(
      heard.events('r').map((e) => (e.event === 'message' ? e.message.offset : e.event)),
      ['reset', 1, 2],
    )
    t.match(heard.events('r')[0], { position: erased })
    const page = await broker.read('r', READ)
    t.same([page.epoch, page.offset, page.first], [erased.epoch, 2, 1])
    const again = await broker.erase('r')
    t.not(again.epoch, erased.epoch)
    t.same(await broker.read('r', READ), { ...again, first: 1, messages: [], more: false })
  })

  check('erasing a room that nobody wrote to gives a new epoch too', async (t, { broker }) => {
    const { epoch } = await broker.subscribe('r')
    const erased = await broker.erase('r')
    t.not(erased.epoch, epoch)
    t.same((await broker.append('r', message(1))).epoch, erased.epoch)
  })

  check('presence counts a user once, however many connections', async (t, { broker, heard }) => {
    await broker.subscribe('r')
    const ann = { user: 'ann', nick: 'Ann' }
    t.same(await broker.enter('r', ann), { changed: true, count: 1 })
    t.same(await broker.enter('r', ann), { changed: false, count: 1 })
    t.same(await broker.enter('r', { user: 'bob', nick: 'Bob' }), { changed: true, count: 2 })
    t.same(await broker.enter('r', { user: 'ann', nick: 'Anna' }), { changed: true, count: 2 })
    t.same(await broker.leave('r', 'ann'), { changed: false, count: 2 })
    t.same(await broker.leave('r', 'ann'), { changed: false, count: 2 })
    t.same(await broker.leave('r', 'ann'), { changed: true, count: 1 })
    t.same(await broker.leave('r', 'ann'), { changed: false, count: 1 }, 'not there any more')
    t.same(await broker.leave('nowhere', 'ann'), { changed: false, count: 0 })
    await heard.until(() => heard.presenceOf('r').length >= 4)
    t.same(heard.presenceOf('r'), [
      { change: 'joined', user: 'ann', nick: 'Ann', count: 1 },
      { change: 'joined', user: 'bob', nick: 'Bob', count: 2 },
      { change: 'joined', user: 'ann', nick: 'Anna', count: 2 },
      { change: 'left', user: 'ann', nick: 'Anna', count: 1 },
    ])
    await broker.enter('unheard', ann)
    t.same(heard.presenceOf('unheard'), [], 'nothing of a room that is not subscribed')
  })

  check('members come in pages, by code point', async (t, { broker }) => {
    const users = ['b', 'a', 'é', '\u{1F600}', '\uFFFD', 'aa', 'B']
    for (const user of users) await broker.enter('r', { user, nick: `nick of ${user}` })
    const sorted = ['B', 'a', 'aa', 'b', 'é', '\uFFFD', '\u{1F600}']
    const all = await broker.members('r', { limit: 100 })
    t.same(all, {
      members: sorted.map((user) => ({ user, nick: `nick of ${user}` })),
      count: 7,
      more: false,
    })
    const seen: string[] = []
    for (;;) {
      const after = seen.at(-1)
      const page = await broker.members('r', { limit: 3, ...(after && { after }) })
      seen.push(...page.members.map(({ user }) => user))
      if (!page.more) break
    }
    t.same(seen, sorted)
    t.same(await broker.members('none', { limit: 10 }), { members: [], count: 0, more: false })
  })

  check('signals go to subscribed rooms and are not stored', async (t, { broker, heard }) => {
    await broker.subscribe('r')
    const signal = { user: 'ann', nick: 'Ann', msg: '{"typing":true}' }
    await broker.signal('r', signal)
    await broker.signal('other', signal)
    await heard.until(() => heard.events('r').length > 0)
    t.same(heard.events('r'), [{ event: 'signal', signal }])
    t.same(heard.events('other'), [])
    t.equal((await broker.read('r', READ)).offset, 0)
  })

  check('a message to a user says how many connections got it', async (t, { broker, heard }) => {
    heard.connections = 3
    const message = { user: 'ann', nick: 'Ann', msg: '1', time: 5 }
    t.equal(await broker.sendToUser('bob', message), 3)
    t.same(heard.directs, [{ user: 'bob', message }])
  })

  check(
    'rooms with messages or members are listed in pages, by code point',
    async (t, { broker }) => {
      for (const room of ['b', 'a-2', '\uFFFD', 'a-1']) await broker.append(room, message(1))
      for (const room of ['a-3', 'b', '\u{1F600}', 'c']) {
        await broker.enter(room, { user: 'ann', nick: 'Ann' })
      }
      await broker.leave('c', 'ann')
      await broker.erase('erased')
      const sorted = ['a-1', 'a-2', 'a-3', 'b', '\uFFFD', '\u{1F600}']
      const seen: string[] = []
      for (;;) {
        const after = seen.at(-1)
        const page = await broker.rooms({ limit: 2, ...(after && { after }) })
        seen.push(...page.rooms.map(({ room }) => room))
        if (!page.more) break
      }
      t.same(seen, sorted)
      const prefixed = await broker.rooms({ prefix: 'a-', after: 'a-1', limit: 10 })
      t.same(
        prefixed.rooms.map(({ room }) => room),
        ['a-2', 'a-3'],
      )
      t.equal(prefixed.more, false)
      const { rooms } = await broker.rooms({ prefix: 'b', limit: 10 })
      const stored = (await broker.read('b', READ)).messages[0]
      t.match(rooms, [{ room: 'b', members: 1, offset: 1, first: 1, lastMessage: stored?.time }])
      t.same(await broker.room('b'), rooms[0])
      t.match(await broker.room('a-3'), { members: 1, offset: 0, first: 1, lastMessage: undefined })
      t.equal(await broker.room('erased'), undefined)
      t.equal(await broker.room('c'), undefined)
      t.equal(await broker.room('none'), undefined)
    },
  )

  check('a command reaches the handler, in order', async (t, { broker, heard }) => {
    const commands = range(1, 20).map((n) => ({ command: 'broadcast', event: `${n}` }) as const)
    await Promise.all(commands.map((command) => broker.command(command)))
    await heard.until(() => heard.commands.length === 20)
    t.same(heard.commands, commands)
  })

  check('a value is remembered, replaced, listed and taken once', async (t, { broker }) => {
    const now = Date.now()
    await broker.remember('a/1 é"', 'old', 60_000)
    await broker.remember('a/1 é"', 'new', 60_000)
    await broker.remember('a/2', 'two', 60_000)
    await broker.remember('b/1', 'other', 60_000)
    const listed = await broker.remembered('a/')
    t.same(listed.map(({ key, value }) => [key, value]).sort(), [
      ['a/1 é"', 'new'],
      ['a/2', 'two'],
    ])
    for (const { expires } of listed) t.ok(expires >= now + 59_000 && expires <= now + 120_000)
    const taken = await Promise.all(range(1, 10).map(() => broker.take('a/1 é"')))
    t.same(
      taken.filter((value) => value !== undefined),
      ['new'],
    )
    t.equal(await broker.take('a/1 é"'), undefined)
    t.equal(await broker.take('none'), undefined)
    t.same((await broker.remembered('')).map(({ key }) => key).sort(), ['a/2', 'b/1'])
  })

  check('a value is gone after its lifetime', async (t, { broker }) => {
    await broker.remember('short', 'x', 1)
    while ((await broker.remembered('short')).length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.equal(await broker.take('short'), undefined)
  })

  check('a key or value beyond its limit is refused', async (t, { broker }) => {
    await t.rejects(broker.remember('', 'x', 1000), RangeError)
    await t.rejects(broker.remember('k'.repeat(601), 'x', 1000), RangeError)
    await t.rejects(broker.remember('k', 'x'.repeat(8193), 1000), RangeError)
    t.same(await broker.remembered(''), [])
  })

  check('health is good while the log works', async (t, { broker }) => {
    await broker.append('r', message(1))
    t.same(broker.health(), { ok: true })
  })

  check('a count begins anew when its window is over', async (t, { broker }) => {
    t.same((await broker.count('k', 40)).count, 1)
    t.same((await broker.count('k', 40)).count, 2)
    let counted = await broker.count('k', 40)
    while (counted.count > 2) counted = await broker.count('k', 40)
    t.equal(counted.count, 1)
  })

  check('a value of 8192 characters is remembered, a longer one refused', async (t, { broker }) => {
    const value = 'v'.repeat(8192)
    await broker.remember('long', value, 60_000)
    t.equal(await broker.take('long'), value)
    await t.rejects(broker.remember('long', `${value}v`, 60_000), { name: 'RangeError' })
  })

  check('a broker that asks itself is answered; nobody else is there', async (t, it) => {
    const { broker, heard } = it
    t.match(broker.node, /^[\w-]{16}$/)
    t.equal(await broker.ask(broker.node, 'why?'), 're: why?')
    t.same(heard.questions, ['why?'])
    t.equal(await broker.ask('somebodyelse-000', 'why?'), undefined)
    t.equal(await broker.ask('{}', 'why?'), undefined)
    await t.rejects(broker.ask(broker.node, 'fail'), StoreUnavailable)
  })

  check('close commits what was accepted, then everything rejects', async (t, { broker }) => {
    const accepted = range(1, 20).map((n) => broker.append('r', message(n)))
    await broker.close()
    const results = await Promise.all(accepted)
    t.equal(results.at(-1)?.offset, 20)
    const member = { user: 'ann', nick: 'Ann' }
    const calls: [string, () => Promise<unknown>][] = [
      ['append', () => broker.append('r', message(21))],
      ['subscribe', () => broker.subscribe('r')],
      ['unsubscribe', () => broker.unsubscribe('r')],
      ['read', () => broker.read('r', READ)],
      ['enter', () => broker.enter('r', member)],
      ['leave', () => broker.leave('r', 'ann')],
      ['members', () => broker.members('r', { limit: 1 })],
      ['signal', () => broker.signal('r', { ...member, msg: '1' })],
      ['sendToUser', () => broker.sendToUser('ann', { ...member, msg: '1', time: 1 })],
      ['rooms', () => broker.rooms({ limit: 1 })],
      ['room', () => broker.room('r')],
      ['erase', () => broker.erase('r')],
      ['command', () => broker.command({ command: 'broadcast', event: '{}' })],
      ['ask', () => broker.ask(broker.node, 'why?')],
      ['remember', () => broker.remember('k', 'v', 1000)],
      ['take', () => broker.take('k')],
      ['remembered', () => broker.remembered('')],
      ['count', () => broker.count('k', 1000)],
    ]
    for (const [name, call] of calls) await t.rejects(call(), StoreUnavailable, name)
    await broker.close()
  })

  if (options.durable) durableContract(check)
  if (options.nodes) nodesContract(check)
}

type Check = (
  name: string,
  run: (t: Test, it: { broker: Broker; heard: Recorder; lab: ContractLab }) => Promise<void>,
) => void

/** What holds where rooms outlive their brokers. */
function durableContract(check: Check): void {
  check('a new broker finds the log, the epochs and the ids', async (t, { broker, lab }) => {
    const { epoch: unwritten } = await broker.subscribe('unwritten')
    const first = await broker.append('r', message(1))
    await broker.append('r', message(2))
    await broker.append('erased', message(1))
    const erased = await broker.erase('erased')
    const before = await broker.read('r', READ)
    await broker.remember('kept', 'v', 60_000)
    await broker.remember('taken', 'v', 60_000)
    await broker.take('taken')
    const remembered = await broker.remembered('')
    await broker.close()

    const { broker: next, heard } = await startNode(t, lab)
    t.same(await next.read('r', READ), before)
    t.same(await next.remembered(''), remembered)
    t.same(
      remembered.map(({ key }) => key),
      ['kept'],
    )
    t.same(await next.append('r', message(1)), { ...first, duplicate: true })
    t.same(await next.subscribe('unwritten'), { epoch: unwritten, offset: 0 })
    t.same(await next.subscribe('erased'), erased)
    t.same(await next.subscribe('r'), { epoch: first.epoch, offset: 2 })
    t.equal((await next.append('r', message(3))).offset, 3)
    t.same(heard.offsets('r'), [3])
    t.same((await next.append('unwritten', message(1))).epoch, unwritten)
  })
}

/** What holds where several nodes may run at once. */
function nodesContract(check: Check): void {
  check('every node hears every message once, in order', async (t, { broker, heard, lab }) => {
    const other = await startNode(t, lab)
    await Promise.all([broker.subscribe('r'), other.broker.subscribe('r')])
    await Promise.all(
      range(1, 60).map((n) => (n % 2 ? broker : other.broker).append('r', message(n))),
    )
    await heard.until(() => heard.offsets('r').length === 60)
    await other.heard.until(() => other.heard.offsets('r').length === 60)
    t.same(heard.offsets('r'), range(1, 60))
    t.same(other.heard.messages('r'), heard.messages('r'))
  })

  check('events are counted once over all nodes, each key by itself', async (t, it) => {
    const { broker, lab } = it
    const other = await startNode(t, lab)
    const counts = range(1, 20).map((n) =>
      (n % 2 ? broker : other.broker).count('user {a}', 60_000),
    )
    const counted = await Promise.all(counts)
    t.same(
      counted.map(({ count }) => count).sort((a, b) => a - b),
      range(1, 20),
    )
    t.ok(counted.every(({ left }) => left > 0 && left <= 60_000))
    t.equal((await broker.count('user b', 60_000)).count, 1)
    t.match(await other.broker.count('user {a}', 60_000), { count: 21 })
  })

  check('a node that is asked answers, no other one hears it', async (t, it) => {
    const { broker, heard, lab } = it
    const other = await startNode(t, lab)
    t.not(other.broker.node, broker.node)
    const questions = range(1, 40).map((n) => `${n} "ü" \n`)
    t.same(
      await Promise.all(questions.map((text) => broker.ask(other.broker.node, text))),
      questions.map((text) => `re: ${text}`),
    )
    t.same(other.heard.questions, questions, 'in the order of the calls')
    t.same(heard.questions, [])
    t.equal(await broker.ask(other.broker.node, 'x'.repeat(200_000)), `re: ${'x'.repeat(200_000)}`)
    await t.rejects(broker.ask(other.broker.node, 'fail'), StoreUnavailable)
    await other.broker.close()
    t.equal(await broker.ask(other.broker.node, 'late'), undefined, 'it is gone')
  })

  check('every node hears every command; a value is taken by one of them', async (t, it) => {
    const { broker, heard, lab } = it
    const other = await startNode(t, lab)
    await broker.command({ command: 'broadcast', event: '1' })
    await other.broker.command({ command: 'broadcast', event: '2' })
    for (const hears of [heard, other.heard]) await hears.until(() => hears.commands.length === 2)
    await broker.remember('k', 'v', 60_000)
    t.match(await other.broker.remembered(''), [{ key: 'k', value: 'v' }])
    const taken = await Promise.all([broker.take('k'), other.broker.take('k')])
    t.same(taken.sort(), ['v', undefined])
  })
}

async function startNode(t: Test, lab: ContractLab): Promise<{ broker: Broker; heard: Recorder }> {
  const broker = await lab.node()
  const heard = new Recorder()
  await broker.start(heard)
  t.teardown(() => broker.close())
  return { broker, heard }
}

function message(n: number): NewMessage {
  return { id: `m${n}`, user: 'ann', nick: 'Ann', msg: String(n) }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

function summary(page: Page): { offsets: number[]; more: boolean } {
  return { offsets: page.messages.map(({ offset }) => offset), more: page.more }
}
