import { createClient, type ParleyError, type Room } from '../../client/index.js'
import type { PageApi } from './browser-client.js'
import type { Unstamped } from './recorder.js'

/** Runs in Chromium: a client of the library, driven and listened to by browser-client.ts. */
declare function record(event: Unstamped): Promise<void>
declare function getToken(): Promise<string>

interface Membership {
  readonly room: Room
  started: boolean
  readonly release: (() => void)[]
}

let client: ReturnType<typeof createClient>
let me = ''
let pending = 0
let watching = false
const memberships = new Map<string, Membership>()

const tell = (event: Unstamped) => void record(event)
const note = (text: string) => tell({ type: 'note', client: me, text })
const usersOf = (room: Room) => room.memberList.map(({ user }) => user).sort()

const presence = (name: string) => {
  const room = memberships.get(name)?.room
  if (watching && room) tell({ type: 'presence', client: me, room: name, users: usersOf(room) })
}

const start = (name: string, membership: Membership, epoch: string, offset: number) => {
  if (membership.started) return
  membership.started = true
  tell({ type: 'start', client: me, room: name, epoch, offset })
}

const api: PageApi = {
  start(name, url) {
    me = name
    client = createClient({ url: `${url}/chat`, getToken, backoff: { base: 200, cap: 1000 } })
    client.on('state', (state, { code, reason }) => note(`${state} ${code ?? ''} ${reason ?? ''}`))
  },

  join(name) {
    const room = client.room(name)
    const membership: Membership = { room, started: false, release: [] }
    memberships.set(name, membership)
    membership.release.push(
      room.on('message', ({ epoch, offset, id, user, msg }) => {
        start(name, membership, epoch, offset - 1)
        const body = JSON.stringify(msg)
        tell({ type: 'message', client: me, room: name, epoch, offset, id, user, body })
      }),
      room.on('reset', ({ epoch, offset }) =>
        tell({ type: 'reset', client: me, room: name, epoch, offset }),
      ),
      room.on('members', () => presence(name)),
    )
    room.join({ history: 5 }).then(
      ({ epoch, offset }) => {
        if (memberships.get(name) === membership) start(name, membership, epoch, offset)
      },
      (error: ParleyError) => note(`join of ${name}: ${error.code}`),
    )
  },

  leave(name) {
    const membership = memberships.get(name)
    if (!membership) return
    memberships.delete(name)
    tell({ type: 'leave', client: me, room: name })
    for (const release of membership.release) release()
    membership.room.leave().catch((error) => note(`leave of ${name}: ${error}`))
  },

  send(name, id, body) {
    pending++
    const what = { client: me, room: name, id }
    client
      .room(name)
      .send(JSON.parse(body), { id })
      .then(
        ({ epoch, offset }) => tell({ type: 'ok', ...what, epoch, offset }),
        ({ code }: ParleyError) => tell({ type: 'failed', ...what, code }),
      )
      .finally(() => pending--)
  },

  state() {
    const rooms: Record<string, { epoch: string; offset: number; users: string[] }> = {}
    for (const [name, { room }] of memberships) {
      const { epoch, offset } = room.position ?? { epoch: '', offset: -1 }
      rooms[name] = { epoch, offset, users: usersOf(room) }
    }
    return { name: me, user: client.user ?? '', pending, rooms }
  },

  watchPresence() {
    watching = true
    for (const name of memberships.keys()) presence(name)
  },
}

globalThis.chaos = api
