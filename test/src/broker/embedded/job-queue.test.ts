import t from 'tap'
import type { Job } from '../../../../src/broker/embedded/batch.js'
import { JobQueue } from '../../../../src/broker/embedded/job-queue.js'

/** Jobs of a room, numbered; each with so many units of payload. */
function* jobsOf(room: string, payload = 2): Generator<Job, never> {
  for (let n = 1; ; n++) {
    const message = { id: `${room} ${n}`, user: 'ann', nick: 'ann', msg: '1'.repeat(payload) }
    yield { kind: 'append', room, message, resolve() {}, reject() {} }
  }
}

function pushAll(queue: JobQueue, jobs: Generator<Job, never>, count: number): void {
  for (let n = 0; n < count; n++) queue.push(jobs.next().value)
}

const idsOf = (jobs: readonly Job[]) => jobs.map((job) => job.kind === 'append' && job.message.id)
const numbered = (room: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `${room} ${from + i}`)

t.test('one commit takes what waits, room by room, in the order of the calls', async (t) => {
  const queue = new JobQueue(100, 1000)
  const [a, b] = [jobsOf('a'), jobsOf('b')]
  for (const jobs of [a, b, a, a, b]) pushAll(queue, jobs, 1)
  t.strictSame(idsOf(queue.take()), ['a 1', 'a 2', 'a 3', 'b 1', 'b 2'])
  t.ok(queue.isEmpty)
  t.strictSame(queue.take(), [])
})

t.test('a room is not cut by the end of a commit', async (t) => {
  const queue = new JobQueue(10_000, 100_000)
  const rooms = Array.from({ length: 300 }, (_, i) => `room ${i}`)
  const jobs = rooms.map((room) => jobsOf(room))
  for (let round = 0; round < 7; round++) for (const room of jobs) pushAll(queue, room, 1)
  const sizes: number[] = []
  const ids: unknown[] = []
  while (!queue.isEmpty) {
    const taken = queue.take()
    sizes.push(taken.length)
    t.equal(taken.length % 7, 0, 'whole rooms')
    ids.push(...idsOf(taken))
  }
  t.strictSame(sizes, [994, 994, 112], 'as many rooms as fit into a thousand')
  t.strictSame(
    ids,
    rooms.flatMap((room) => numbered(room, 1, 7)),
    'who waits longest goes first',
  )
})

t.test('a room with more than a commit takes turns with the others', async (t) => {
  const queue = new JobQueue(10_000, 100_000)
  pushAll(queue, jobsOf('flooded'), 2500)
  pushAll(queue, jobsOf('quiet'), 2)
  t.strictSame(idsOf(queue.take()), numbered('flooded', 1, 1000))
  t.strictSame(idsOf(queue.take()), ['quiet 1', 'quiet 2'])
  t.strictSame(idsOf(queue.take()), numbered('flooded', 1001, 2000))
  t.strictSame(idsOf(queue.take()), numbered('flooded', 2001, 2500))
  t.ok(queue.isEmpty)
})

t.test('payloads end a commit too, and nothing is left out or swapped', async (t) => {
  const queue = new JobQueue(100, 100_000_000)
  const mebi = 1024 * 1024
  pushAll(queue, jobsOf('a', mebi), 3)
  pushAll(queue, jobsOf('b', mebi), 3)
  t.strictSame(idsOf(queue.take()), ['a 1', 'a 2', 'a 3', 'b 1'])
  t.strictSame(idsOf(queue.take()), ['b 2', 'b 3'])
})

t.test('is full by number or by payload until something is taken', async (t) => {
  for (const queue of [new JobQueue(3, 1000), new JobQueue(100, 6)]) {
    pushAll(queue, jobsOf('a'), 2)
    t.notOk(queue.isFull)
    pushAll(queue, jobsOf('b'), 1)
    t.ok(queue.isFull)
    t.equal(queue.take().length, 3)
    t.notOk(queue.isFull)
    pushAll(queue, jobsOf('c'), 3)
    t.strictSame(idsOf(queue.clear()), numbered('c', 1, 3))
    t.ok(queue.isEmpty)
    t.notOk(queue.isFull)
  }
})
