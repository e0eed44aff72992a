import type { Job } from './batch.js'

/**
 * Jobs that wait for a commit, up to a limit, by room. Where more waits than one commit takes, a
 * room goes into it as a whole, so that what is in flight there reaches its members in one write
 * each and its senders go on together. A room with more than that takes turns with the others.
 */
export class JobQueue {
  readonly #maxCount: number
  readonly #maxLength: number
  /** In the order in which the rooms began to wait. */
  readonly #rooms = new Map<string, Job[]>()
  #count = 0
  #length = 0

  /** `maxLength`: UTF-16 units of payload. */
  constructor(maxCount: number, maxLength: number) {
    this.#maxCount = maxCount
    this.#maxLength = maxLength
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  get isFull(): boolean {
    return this.#count >= this.#maxCount || this.#length >= this.#maxLength
  }

  push(job: Job): void {
    const waiting = this.#rooms.get(job.room)
    if (waiting) waiting.push(job)
    else this.#rooms.set(job.room, [job])
    this.#count++
    this.#length += lengthOf(job)
  }

  /** Takes the jobs of the next commit: those of a room together, in the order of the calls. */
  take(): Job[] {
    const taken: Job[] = []
    let length = 0
    for (const [room, jobs] of this.#rooms) {
      // It begins the next commit then.
      if (taken.length > 0 && taken.length + jobs.length > MAX_BATCH) break
      let count = 0
      while (count < jobs.length && count < MAX_BATCH && length < MAX_BATCH_LENGTH) {
        const job = jobs[count++] as Job
        taken.push(job)
        length += lengthOf(job)
      }
      this.#rooms.delete(room)
      if (count < jobs.length) this.#rooms.set(room, jobs.slice(count))
      if (taken.length >= MAX_BATCH || length >= MAX_BATCH_LENGTH) break
    }
    this.#count -= taken.length
    this.#length -= length
    return taken
  }

  /** Takes all jobs. */
  clear(): Job[] {
    const jobs = [...this.#rooms.values()].flat()
    this.#rooms.clear()
    this.#count = 0
    this.#length = 0
    return jobs
  }
}

function lengthOf(job: Job): number {
  return job.kind === 'append' ? job.message.msg.length : 0
}

/** Jobs in one commit: enough for full speed, few enough to leave the event loop in time. */
const MAX_BATCH = 1000
const MAX_BATCH_LENGTH = 4 * 1024 * 1024
