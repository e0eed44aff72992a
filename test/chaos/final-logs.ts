import { setTimeout as sleep } from 'node:timers/promises'
import type { FinalLog, LoggedMessage } from './history.js'
import { signToken } from './token.js'

interface Page {
  readonly epoch: string
  readonly offset: number
  readonly first: number
  readonly messages: { offset: number; id: string; user: string; msg: unknown }[]
  readonly more: boolean
}

/** Where a room's log ends. */
export type End = Pick<FinalLog, 'room' | 'epoch' | 'offset'>

/** Reads where rooms' logs end. */
export async function readEnds(url: string, rooms: readonly string[]): Promise<End[]> {
  return Promise.all(
    rooms.map(async (room) => {
      const { epoch, offset } = await readPage(`${url}/rooms/${room}/messages?limit=1`)
      return { room, epoch, offset }
    }),
  )
}

/** Reads rooms' logs in full from a server that nobody writes to any more. */
export async function readLogs(url: string, rooms: readonly string[]): Promise<FinalLog[]> {
  return Promise.all(rooms.map((room) => readLog(url, room)))
}

async function readLog(url: string, room: string): Promise<FinalLog> {
  const messages: LoggedMessage[] = []
  for (let after = 0; ; ) {
    const page = await readPage(`${url}/rooms/${room}/messages?after=${after}&limit=1000`)
    for (const { offset, id, user, msg } of page.messages) {
      messages.push({ offset, id, user, body: JSON.stringify(msg) })
    }
    const { epoch, first, offset } = page
    if (!page.more) return { room, epoch, first, offset, messages }
    after = messages.at(-1)?.offset ?? 0
  }
}

/** Patient while the store is on its way back from the last fault. */
async function readPage(address: string): Promise<Page> {
  const authorization = `Bearer ${signToken('reader', 86_400)}`
  for (let tries = 1; ; tries++) {
    const response = await fetch(address, { headers: { authorization } })
    if (response.ok) return (await response.json()) as Page
    const text = await response.text()
    if (response.status !== 503 || tries === MOST_TRIES) throw new Error(`${address}: ${text}`)
    await sleep(BETWEEN_TRIES)
  }
}

/** A minute in all; the interval in milliseconds. */
const MOST_TRIES = 300
const BETWEEN_TRIES = 200
