import { setTimeout as sleep } from 'node:timers/promises'
import type { FinalLog } from '../chaos/history.js'
import { signToken } from '../helpers/jwt.js'
import type { RecordedClient } from './recorded-client.js'

/** Everyone sees exactly those who are there. */
export function settled(clients: readonly RecordedClient[]): boolean {
  return clients.every(({ users, room: { name } }) => {
    const there = clients.filter(({ room }) => room.name === name)
    return users === [...new Set(there.map(({ user }) => user))].sort().join()
  })
}

/** The logs of these rooms as the service at this address has them. */
export async function readLogs(url: string, rooms: readonly string[]): Promise<FinalLog[]> {
  return Promise.all(rooms.map((room) => readLog(url, room)))
}

async function readLog(url: string, room: string): Promise<FinalLog> {
  const headers = { authorization: `Bearer ${signToken({ sub: 'reader' }, 3600)}` }
  const messages: FinalLog['messages'][number][] = []
  for (;;) {
    const after = messages.at(-1)?.offset ?? 0
    const address = `${url}/rooms/${room}/messages?after=${after}&limit=1000`
    const page = (await (await fetch(address, { headers })).json()) as {
      epoch: string
      first: number
      offset: number
      more: boolean
      messages: { offset: number; id: string; user: string; msg: unknown }[]
    }
    for (const { offset, id, user, msg } of page.messages) {
      messages.push({ offset, id, user, body: JSON.stringify(msg) })
    }
    const { epoch, first, offset } = page
    if (!page.more) return { room, epoch, first, offset, messages }
  }
}

/** Whether a client has everything that is in its room's log. */
export function isAtEnd(
  { name, position }: RecordedClient['room'],
  logs: readonly FinalLog[],
): boolean {
  return logs.some((log) => log.room === name && position?.offset === log.offset)
}

/** Resolves once the condition holds; it is looked at every 20 ms. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}
