import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createEmbeddedBroker } from '../../../src/broker/embedded/embedded.js'
import { openLogStore } from '../../../src/broker/embedded/log-store.js'
import { systemClock } from '../../../src/clock.js'
import type { LogReading } from '../log-reader.js'
import { must, type Target } from '../target.js'

const READER = fileURLToPath(new URL('../log-reader.js', import.meta.url))
const ROOMS = ['a', 'b']
const MESSAGES = 40

/** What is done to the file: each six bytes of an input are one change. */
const CHANGE = 6

/**
 * A log whose data file was damaged. An input says how: it is read by a process of its own, which
 * has to say what is wrong, must not give out what was never stored, and must not end over it.
 */
export async function logTarget(): Promise<Target> {
  const root = mkdtempSync(join(tmpdir(), 'parley-fuzz-'))
  const sound = join(root, 'sound')
  const bodies = await writeLog(sound)
  const bytes = readFileSync(join(sound, 'data.mdb'))
  const dir = join(root, 'damaged')
  const seen = new Map<string, number>()
  const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1)
  let reader: Reader | undefined
  return {
    guided: [],
    notes: () => seen,
    async run(input) {
      rmSync(dir, { recursive: true, force: true })
      cpSync(sound, dir, { recursive: true })
      writeFileSync(join(dir, 'data.mdb'), damage(bytes, input))
      reader ??= new Reader()
      const reading = await reader.read(dir)
      if (typeof reading === 'string') {
        reader = undefined
        throw new Error(`the reader ended with ${reading}`)
      }
      note(reading.error === undefined ? 'read without an error' : 'an error was told')
      must(reading.error === undefined || reading.error.length > 10, 'an error that says nothing')
      for (const [room, messages] of Object.entries(reading.rooms)) {
        for (const [offset, json] of messages) {
          must(bodies.get(`${room} ${offset}`) === json, `message ${offset} of ${room} is another`)
        }
      }
    },
    async close() {
      reader?.end()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** A log with something in it, and what is in it by room and offset. */
async function writeLog(dir: string): Promise<Map<string, string>> {
  const store = await openLogStore({ dir })
  const limits = { historyMessages: 1000, historySeconds: 3600 }
  const broker = createEmbeddedBroker({
    store,
    clock: systemClock,
    durability: 'commit',
    ...limits,
  })
  const nothing = () => 0
  await broker.start({
    message: nothing,
    reset: nothing,
    presence: nothing,
    signal: nothing,
    direct: nothing,
    command: nothing,
    answer: async () => '',
  })
  const bodies = new Map<string, string>()
  for (const room of ROOMS) {
    for (let i = 1; i <= MESSAGES; i++) {
      const msg = JSON.stringify('x'.repeat((i * 37) % 600))
      await broker.append(room, { id: `m${i}`, user: 'ann', nick: 'Ann', msg })
    }
    const { messages } = await broker.read(room, { after: 0, limit: 1000, maxLength: 1e9 })
    for (const { offset, json } of messages) bodies.set(`${room} ${offset}`, json)
  }
  await broker.close()
  return bodies
}

function damage(sound: Buffer, input: Buffer): Buffer {
  let bytes = Buffer.from(sound)
  for (let i = 0; i + CHANGE <= input.length && i < 20 * CHANGE; i += CHANGE) {
    const at = input.readUInt32BE(i) % Math.max(1, bytes.length)
    const value = input[i + 4] as number
    const length = 1 << ((input[i + 5] as number) & 15)
    switch (value & 3) {
      case 0:
        if (bytes.length > 0) bytes[at] = value
        break
      case 1:
        bytes.fill(0, at, Math.min(bytes.length, at + length))
        break
      case 2:
        bytes = bytes.subarray(0, at)
        break
      default:
        bytes.copy(bytes, at, (at * 7) % Math.max(1, bytes.length))
    }
  }
  return bytes
}

/** A process that reads logs until one kills it. */
class Reader {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #died: Promise<string>

  constructor() {
    this.#child = spawn(process.execPath, [READER], { stdio: ['pipe', 'pipe', 'ignore'] })
    this.#child.stdin?.on('error', () => {
      // It died; `read` tells.
    })
    const { stdout } = this.#child
    this.#lines = createInterface({ input: stdout as Readable })[Symbol.asyncIterator]()
    this.#died = once(this.#child, 'exit').then(([code, signal]) => String(signal ?? code))
  }

  /** What it read, or how it died of it. */
  async read(dir: string): Promise<LogReading | string> {
    this.#child.stdin?.write(`${dir}\n`)
    const line = await this.#lines.next()
    return line.done ? this.#died : (JSON.parse(line.value) as LogReading)
  }

  end(): void {
    this.#child.kill()
  }
}
