import type { Job } from './batch.js'

/** Jobs that wait for a commit, up to a limit. */
export class JobQueue {
  readonly #maxCount: number
  readonly #maxLength: number
  #jobs: Job[] = []
  #length = 0

  /** `maxLength`: UTF-16 units of payload. */
  constructor(maxCount: number, maxLength: number) {
    this.#maxCount = maxCount
    this.#maxLength = maxLength
  }

  get isEmpty(): boolean {
    return this.#jobs.length === 0
  }

  get isFull(): boolean {
    return this.#jobs.length >= this.#maxCount || this.#length >= this.#maxLength
  }

  push(job: Job): void {
    this.#jobs.push(job)
    this.#length += lengthOf(job)
  }

  /** Takes the jobs of the next commit. */
  take(): Job[] {
    const jobs = this.#jobs
    let length = 0
    let count = 0
    while (count < jobs.length && count < MAX_BATCH && length < MAX_BATCH_LENGTH) {
      length += lengthOf(jobs[count++] as Job)
    }
    this.#length -= length
    if (count < jobs.length) return jobs.splice(0, count)
    this.#jobs = []
    return jobs
  }

  /** Takes all jobs. */
  clear(): Job[] {
    const jobs = this.#jobs
    this.#jobs = []
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
