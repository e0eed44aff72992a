import t from 'tap'
import { check, RULES, type Rule } from './checker.js'
import { explain } from './explain.js'
import type { ClientEvent, FinalLog, HistoryEvent, ServiceEvent } from './history.js'

type Bare<E> = E extends unknown ? Omit<E, 'at'> : never
type Line = Bare<ClientEvent> | Bare<ServiceEvent>

const ROOM = 'r'
const OPTIONS = { presenceBound: 100 }

/** Ten milliseconds between one event and the next. */
const timed = (lines: readonly Line[]) =>
  lines.map((line, i) => ({ ...line, at: 10 * i })) as HistoryEvent[]

const client = (name: string, options: { ordered?: boolean; presence?: boolean } = {}): Line => ({
  type: 'client',
  client: name,
  user: name,
  ordered: options.ordered ?? true,
  presence: options.presence ?? false,
})
const bodyOf = (id: string) => `"${id}"`
const send = (by: string, id: string): Line => ({
  type: 'send',
  client: by,
  room: ROOM,
  id,
  body: bodyOf(id),
})
const ok = (by: string, id: string, offset: number, epoch = 'A'): Line => ({
  type: 'ok',
  client: by,
  room: ROOM,
  id,
  epoch,
  offset,
})
const at =
  (type: 'start' | 'reset') =>
  (by: string, offset: number, epoch = 'A'): Line => ({
    type,
    client: by,
    room: ROOM,
    epoch,
    offset,
  })
const start = at('start')
const reset = at('reset')
const message = (to: string, by: string, id: string, offset: number, epoch = 'A'): Line => ({
  type: 'message',
  client: to,
  room: ROOM,
  user: by,
  id,
  body: bodyOf(id),
  epoch,
  offset,
})
const leave = (by: string): Line => ({ type: 'leave', client: by, room: ROOM })
const stop = (by: string): Line => ({ type: 'stop', client: by })
const erase: Line = { type: 'erase', room: ROOM }
const presence = (by: string, ...users: string[]): Line => ({
  type: 'presence',
  client: by,
  room: ROOM,
  users,
})

/** A log of `ann`'s messages; `#` in front of an id makes it one of `bob`'s. */
const log = (ids: readonly string[], { epoch = 'A', first = 1 } = {}): FinalLog => ({
  room: ROOM,
  epoch,
  first,
  offset: first - 1 + ids.length,
  messages: ids.map((id, i) => ({
    offset: first + i,
    id,
    user: id.startsWith('#') ? 'bob' : 'ann',
    body: bodyOf(id),
  })),
})

const rulesOf = (lines: readonly Line[], logs: readonly FinalLog[]): Rule[] =>
  check(timed(lines), logs, OPTIONS).map(({ rule }) => rule)

const both = [client('ann'), client('bob'), start('ann', 0), start('bob', 0)]
const first = [send('ann', '1'), message('bob', 'ann', '1', 1), message('ann', 'ann', '1', 1)]
const second = [send('ann', '2'), message('bob', 'ann', '2', 2), message('ann', 'ann', '2', 2)]

t.test('finds nothing in a history', async (t) => {
  const fine: Record<string, [readonly Line[], FinalLog]> = {
    'of nobody': [[], log([])],
    'where everyone gets everything': [
      [...both, ...first, ok('ann', '1', 1), ...second, ok('ann', '2', 2)],
      log(['1', '2']),
    ],
    'where an acknowledgement is the first that is heard of a message': [
      [client('ann'), send('ann', '1'), ok('ann', '1', 1), ok('ann', '1', 1)],
      log(['1']),
    ],
    'where a message was stored and its sender killed': [
      [...both, ...first, stop('ann')],
      log(['1']),
    ],
    'where a message of a killed sender was never stored': [
      [...both, send('ann', '1'), stop('ann')],
      log([]),
    ],
    'where a member leaves, misses a message and comes back': [
      [
        ...both,
        leave('bob'),
        send('ann', '1'),
        message('ann', 'ann', '1', 1),
        ok('ann', '1', 1),
        start('bob', 1),
        ...second,
        ok('ann', '2', 2),
      ],
      log(['1', '2']),
    ],
    'where an erased log is announced': [
      [...both, ...first, ok('ann', '1', 1), erase, reset('bob', 0, 'B'), reset('ann', 0, 'B')],
      log([], { epoch: 'B' }),
    ],
    'where the data were lost before a room was first heard of': [
      [client('ann'), { type: 'lost' }, start('ann', 0, 'A'), reset('ann', 0, 'B')],
      log([], { epoch: 'B' }),
    ],
    'where a gap is announced that retention made': [
      [
        ...both.slice(0, 3),
        send('ann', '1'),
        ok('ann', '1', 1),
        reset('ann', 1),
        send('ann', '2'),
        message('ann', 'ann', '2', 2),
        ok('ann', '2', 2),
      ],
      log(['2'], { first: 2 }),
    ],
    'where a client that does not promise order sends in another one': [
      [
        client('ann', { ordered: false }),
        send('ann', '1'),
        send('ann', '2'),
        ok('ann', '2', 1),
        ok('ann', '1', 2),
      ],
      log(['2', '1']),
    ],
    'where a message was sent again and stands after a later one': [
      [
        client('ann'),
        send('ann', '1'),
        send('ann', '2'),
        { type: 'again', client: 'ann', room: ROOM, id: '1' },
        ok('ann', '2', 1),
        ok('ann', '1', 2),
      ],
      log(['2', '1']),
    ],
    'where presence settles in time': [
      [
        client('ann', { presence: true }),
        client('bob'),
        start('ann', 0),
        start('bob', 0),
        stop('bob'),
        { type: 'quiet' },
        presence('ann', 'ann', 'bob'),
        presence('ann', 'ann'),
      ],
      log([]),
    ],
    'where one client sees the others being ended': [
      [
        client('ann', { presence: true }),
        client('bob'),
        start('ann', 0),
        start('bob', 0),
        { type: 'quiet' },
        presence('ann', 'ann', 'bob'),
        { type: 'end' },
        presence('ann', 'ann'),
      ],
      log([]),
    ],
  }
  for (const [name, [lines, end]] of Object.entries(fine)) {
    t.same(check(timed(lines), [end], OPTIONS), [], name)
  }
})

t.test('finds each kind of violation', async (t) => {
  const found = new Set<Rule>()
  const bad: [Rule, string, readonly Line[], FinalLog][] = [
    [
      'lost',
      'an acknowledged message that is not in the log',
      [...both, send('ann', '1'), ok('ann', '1', 1)],
      log([]),
    ],
    [
      'lost',
      'the same when others had been given it',
      [...both, ...first, ok('ann', '1', 1)],
      log([]),
    ],
    [
      'unlogged',
      'a message given to a client that is not in the log',
      [...both, ...first, stop('ann')],
      log([]),
    ],
    [
      'unlogged',
      'a message given to a client that had left',
      [...both, leave('bob'), ...first, ok('ann', '1', 1)],
      log(['1']),
    ],
    ['altered', 'a message in the log that nobody sent', [client('ann')], log(['1'])],
    [
      'altered',
      'a message whose body is another',
      [
        ...both,
        { ...(send('ann', '1') as object), body: '"other"' } as Line,
        ok('ann', '1', 1),
        leave('ann'),
        leave('bob'),
      ],
      log(['1']),
    ],
    [
      'twice',
      'a message that was stored twice',
      [client('ann'), send('ann', '1'), ok('ann', '1', 1)],
      log(['1', '1']),
    ],
    [
      'twice',
      'a message that was given to a client twice',
      [...both, ...first, ok('ann', '1', 1), message('bob', 'ann', '1', 1)],
      log(['1']),
    ],
    [
      'twice',
      'acknowledgements of one message with two offsets',
      [client('ann'), send('ann', '1'), ok('ann', '1', 1), ok('ann', '1', 2)],
      log(['1']),
    ],
    [
      'order',
      'two clients that were given different messages at one place',
      [
        ...both,
        send('ann', '1'),
        send('bob', '#1'),
        message('ann', 'ann', '1', 1),
        message('bob', 'bob', '#1', 1),
        stop('ann'),
        stop('bob'),
      ],
      log(['1']),
    ],
    [
      'order',
      'a sender’s acknowledged messages in another order than sent',
      [client('ann'), send('ann', '1'), send('ann', '2'), ok('ann', '2', 1), ok('ann', '1', 2)],
      log(['2', '1']),
    ],
    [
      'order',
      'a message before one that was acknowledged before it was sent',
      [
        client('ann'),
        client('bob'),
        send('ann', '1'),
        ok('ann', '1', 2),
        send('bob', '#1'),
        ok('bob', '#1', 1),
      ],
      log(['#1', '1']),
    ],
    [
      'hole',
      'a member that misses one in between',
      [
        ...both,
        send('ann', '1'),
        message('ann', 'ann', '1', 1),
        ok('ann', '1', 1),
        ...second,
        ok('ann', '2', 2),
      ],
      log(['1', '2']),
    ],
    [
      'hole',
      'a log with a hole',
      [client('ann'), send('ann', '1'), stop('ann')],
      { ...log(['1'], { first: 2 }), first: 1 },
    ],
    [
      'hole',
      'a log that ends before it says',
      [client('ann'), send('ann', '1'), stop('ann')],
      { ...log(['1']), offset: 2 },
    ],
    [
      'hole',
      'a gap that is announced though the log keeps what is in it',
      [client('ann'), start('ann', 0), send('ann', '1'), ok('ann', '1', 1), reset('ann', 1)],
      log(['1']),
    ],
    [
      'behind',
      'a member that never gets the last message',
      [...both, send('ann', '1'), message('ann', 'ann', '1', 1), ok('ann', '1', 1)],
      log(['1']),
    ],
    [
      'epoch',
      'a new epoch without a loss',
      [client('ann'), start('ann', 0), reset('ann', 0, 'B')],
      log([], { epoch: 'B' }),
    ],
    [
      'epoch',
      'a new epoch without notice',
      [
        client('ann'),
        start('ann', 0),
        erase,
        send('ann', '1'),
        message('ann', 'ann', '1', 1, 'B'),
        ok('ann', '1', 1, 'B'),
      ],
      log(['1'], { epoch: 'B' }),
    ],
    [
      'epoch',
      'an epoch that comes back',
      [client('ann'), start('ann', 0), erase, reset('ann', 0, 'B'), reset('ann', 0, 'A')],
      log([]),
    ],
    [
      'order',
      'an epoch that is used for two logs',
      [
        ...both.slice(0, 3),
        send('ann', '1'),
        ok('ann', '1', 1),
        leave('ann'),
        erase,
        send('ann', '2'),
        ok('ann', '2', 1),
      ],
      log(['2']),
    ],
    ['unanswered', 'a message that nothing became of', [client('ann'), send('ann', '1')], log([])],
    [
      'presence',
      'a member that is there and not seen',
      [
        client('ann', { presence: true }),
        client('bob'),
        start('ann', 0),
        start('bob', 0),
        { type: 'quiet' },
        presence('ann', 'ann'),
      ],
      log([]),
    ],
    [
      'presence',
      'a ghost that goes away too late',
      [
        client('ann', { presence: true }),
        start('ann', 0),
        { type: 'quiet' },
        presence('ann', 'ann', 'bob'),
        ...Array.from({ length: 10 }, (): Line => ({ type: 'note', client: 'ann', text: 'idle' })),
        presence('ann', 'ann'),
      ],
      log([]),
    ],
    [
      'presence',
      'a ghost that goes away only with the end of the run',
      [
        client('ann', { presence: true }),
        start('ann', 0),
        { type: 'quiet' },
        presence('ann', 'ann', 'bob'),
        { type: 'end' },
        presence('ann', 'ann'),
      ],
      log([]),
    ],
  ]
  for (const [rule, name, lines, end] of bad) {
    const rules = rulesOf(lines, [end])
    t.ok(rules.includes(rule), `${rule}: ${name} (${rules.join(', ')})`)
    for (const one of rules) found.add(one)
  }
  t.same([...found].sort(), Object.keys(RULES).sort(), 'no rule is left out')
})

t.test('explains a violation by its own events and the faults between them', async (t) => {
  const lines: Line[] = [
    ...both,
    ...Array.from({ length: 50 }, (): Line => ({ type: 'note', client: 'bob', text: 'idle' })),
    send('ann', '1'),
    { type: 'fault', text: 'kill server' },
    ok('ann', '1', 1),
    stop('ann'),
    stop('bob'),
  ]
  const history = timed(lines)
  const text = check(history, [log([])], OPTIONS).flatMap((found) => explain(found, history))
  t.match(text[0], /^lost: room r: ann\/1 was acknowledged at 1/)
  t.match(text.join('\n'), /send .*id=1[\s\S]*fault text=kill server[\s\S]*ok .*id=1/)
  t.notMatch(text.join('\n'), /idle/)
})
