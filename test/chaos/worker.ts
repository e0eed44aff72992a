import type { BrowserClients } from './browser-client.js'
import type { ChaosClient, ClientKind, ClientState } from './chaos-client.js'
import { LibraryClient } from './library-client.js'
import { Random } from './random.js'
import { RawClient } from './raw-client.js'
import { Recorder } from './recorder.js'
import { RestClient } from './rest-client.js'

/** What a process of clients is told to be. */
export interface WorkerOptions {
  readonly url: string
  readonly historyFile: string
  readonly seed: number
  readonly rooms: readonly string[]
  readonly tokenSeconds: number
  readonly clients: readonly {
    readonly name: string
    readonly user: string
    readonly kind: ClientKind
  }[]
}

/** From the harness to a worker. */
export type WorkerOrder = { readonly order: 'quiet' | 'report' }

/** Mean time between two things that one client does, milliseconds. */
const PACE = 400

/** A process full of clients that do what their seed says, until they are told to be quiet. */
async function work(options: WorkerOptions): Promise<void> {
  const recorder = new Recorder(options.historyFile)
  const random = new Random(options.seed)
  let browsers: BrowserClients | undefined
  const clients: ChaosClient[] = []
  for (const client of options.clients) {
    const settings = { ...options, ...client, recorder, random: random.fork() }
    if (client.kind === 'browser') {
      // Loaded only where it is needed: it is larger than all the rest.
      browsers ??= new (await import('./browser-client.js')).BrowserClients(recorder)
      clients.push(await browsers.open(settings))
    } else if (client.kind === 'library' || client.kind === 'stream')
      clients.push(new LibraryClient(settings))
    else if (client.kind === 'rest') clients.push(new RestClient(settings))
    else clients.push(new RawClient(settings))
  }
  let quiet = false
  for (const client of clients) {
    const own = random.fork()
    for (const room of options.rooms) if (own.chance(0.7)) client.join(room)
    const next = () => {
      if (quiet) return
      act(client, own, options.rooms)
      setTimeout(next, own.between(PACE / 10, PACE * 2))
    }
    setTimeout(next, own.between(0, PACE))
  }
  process.on('message', ({ order }: WorkerOrder) => {
    if (order === 'quiet') {
      quiet = true
      for (const client of clients) client.watchPresence()
    } else if (order === 'report') {
      void Promise.all(clients.map((client) => client.state())).then(
        (states: ClientState[]) => process.send?.({ states }),
        () => process.send?.({ states: [] }),
      )
    }
  })
  process.on('disconnect', () => {
    const closed = browsers?.close() ?? Promise.resolve()
    void closed.finally(() => process.exit(0))
  })
  if (process.connected) process.send?.({ ready: true })
}

/** One thing that a client does. */
function act(client: ChaosClient, random: Random, all: readonly string[]): void {
  const rooms = [...client.rooms]
  const deed = random.weighted({ send: 84, burst: 5, large: 3, join: 4, leave: 2, misbehave: 2 })
  if (deed === 'misbehave') client.misbehave()
  else if (deed === 'join') client.join(random.pick(all))
  else if (rooms.length === 0) client.join(random.pick(all))
  else if (deed === 'leave') client.leave(random.pick(rooms))
  else {
    const room = random.pick(rooms)
    const count = deed === 'burst' ? random.between(3, 20) : 1
    const length = deed === 'large' ? random.between(2_000, 20_000) : random.between(0, 100)
    for (let i = 0; i < count; i++) client.send(room, bodyOf(random, length))
  }
}

function bodyOf(random: Random, length: number): string {
  return JSON.stringify({ n: random.between(0, 1_000_000), text: 'ü€😀x'.repeat(length / 5) })
}

await work(JSON.parse(process.argv[2] as string))
