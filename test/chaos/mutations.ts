/** A change that breaks a promise on purpose, as replacements in the compiled code. */
export interface Mutation {
  readonly name: string
  /** What is expected to find it first; the others are tried when it does not. */
  readonly finder: 'simulation' | 'chaos'
  readonly edits: readonly {
    /** Below `build/`. */
    readonly file: string
    /** Stands there exactly once, or the mutation is out of date. */
    readonly from: string
    readonly to: string
  }[]
}

const one = (
  name: string,
  file: string,
  from: string,
  to: string,
  finder: Mutation['finder'] = 'simulation',
): Mutation => ({ name, finder, edits: [{ file, from, to }] })

const LOG = 'src/broker/embedded/log.js'
const CONNECTION = 'src/connections/connection.js'
const BATCH = 'src/broker/embedded/batch.js'
const COMMIT = 'await this.#committer.commit(batch.changes, batch.heads());'

/** Each is a mistake that somebody could make. */
export const MUTATIONS: readonly Mutation[] = [
  one('skip the dedupe', BATCH, 'if (record !== undefined && stored !== undefined)', 'if (false)'),
  one(
    'acknowledge before the commit',
    LOG,
    COMMIT,
    `for (const { job, result } of batch.outcomes) job.resolve(result);${COMMIT}`,
  ),
  {
    name: 'deliver before the commit',
    finder: 'simulation',
    edits: [
      {
        file: LOG,
        from: COMMIT,
        to: `for (const { head, message } of batch.outcomes)
            if (message && head.subscribed) this.#options.events.message(head, message);
            ${COMMIT}`,
      },
      {
        file: LOG,
        from: 'events.message(head, message);\n                }',
        to: ';\n                }',
      },
    ],
  },
  one(
    'use an offset before the commit',
    BATCH,
    '++draft.offset;',
    '(draft.head.offset = ++draft.offset);',
  ),
  one(
    'forget which rooms a failed commit left in doubt',
    'src/broker/embedded/committer.js',
    'for (const head of touched)\n                this.#doubtful.add(head);\n            throw error;',
    'throw error;',
  ),
  one(
    'use the epoch again when a log is erased',
    BATCH,
    '{ key: this.#newKey(), epoch, trimmed: 0 }',
    '{ key: this.#newKey(), epoch: (epoch = head.epoch), trimmed: 0 }',
  ),
  one(
    'append a batch in reverse',
    LOG,
    'this.#queue.take()',
    '[...this.#queue.take()].reverse()',
    'chaos',
  ),
  one(
    'start without what the journal holds',
    'src/broker/embedded/journal-recovery.js',
    'await base.absorb({ image, entries });',
    'void entries;',
    'chaos',
  ),
  one(
    'take what was sent before a restart for new',
    'src/broker/embedded/known-ids.js',
    'filter.add(hashOf(key));',
    'void key;',
    'chaos',
  ),
  one(
    'do not learn the ids that the journal takes',
    'src/broker/embedded/segment.js',
    'ids.add(this.#add(change.room, change.message.offset, entry));',
    'this.#add(change.room, change.message.offset, entry);',
    'chaos',
  ),
  one(
    'answer a rejoin without what was missed',
    'src/rooms/join.js',
    'recovered: true, messages, target',
    'recovered: true, messages: [], target',
  ),
  one(
    'hold nothing back during a join',
    'src/rooms/joiner.js',
    'this.#held.push({ event, offset });',
    'return;',
  ),
  one(
    'announce no reset',
    'src/rooms/room.js',
    "this.event(JSON.stringify({ event: 'reset', room: this.name, ...position }));",
    'this.#announceEpoch = false;',
  ),
  {
    name: 'skip what a slow client does not take',
    finder: 'simulation',
    edits: [
      {
        file: CONNECTION,
        from: 'const taken = shared ? transport.writeBoth(batch, shared) : transport.write(batch);',
        to: `const taken = transport.buffered > this.#maxBufferedBytes ||
            (shared ? transport.writeBoth(batch, shared) : transport.write(batch));`,
      },
      {
        file: CONNECTION,
        from: "this.close(CloseCode.slowConsumer, 'Slow consumer');",
        to: '',
      },
    ],
  },
  one(
    'tell nobody that a user left',
    'src/broker/embedded/presence.js',
    "this.#announce(room, { change: 'left', user, nick: member.nick, count });",
    '',
  ),
  one(
    'leave a lost connection in its rooms',
    'src/arrivals.js',
    'memberships.leaveAll(connection);',
    '',
  ),
  one(
    'send again under a new id',
    'client/outbox.js',
    'if (flight)\n                wait(flight);',
    'if (flight) { wait(flight); flight.id = randomId(); }',
  ),
  one(
    'forget the message on its way when the connection breaks',
    'client/outbox.js',
    'if (flight)\n                wait(flight);',
    'if (flight) entries = entries.filter((entry) => entry !== flight);',
  ),
  one(
    'move the position after the event',
    'client/room.js',
    "this.position = { epoch, offset: message.offset };\n        this.emit('message', asRoomMessage(message, epoch));",
    "this.emit('message', asRoomMessage(message, epoch));\n        this.position = { epoch, offset: message.offset };",
    'chaos',
  ),
]
