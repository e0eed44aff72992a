import {
  type Client,
  type ClientOptions,
  type ClientState,
  type Clock,
  createClient,
  type StateDetail,
} from '../../../client/index.js'
import { FakeServer } from './fake-server.js'
import { VirtualClock } from './virtual-clock.js'

/** A client and the fake server it talks to, both on one clock that a test moves. */
export interface Setup {
  readonly clock: VirtualClock
  readonly server: FakeServer
  readonly client: Client<unknown, unknown>
  /** The clock as the client sees it: its own timers can be counted. */
  readonly own: Clock & { readonly pending: number }
  /** Every change of the client's state. */
  readonly states: { readonly state: ClientState; readonly detail: StateDetail }[]
  /** What `getToken` was asked for. */
  readonly reasons: string[]
  /** The codes of `error` events. */
  readonly errors: string[]
}

interface Options extends Partial<ClientOptions> {
  /** Gives the jitter. */
  readonly random?: () => number
  /** How far the client's wall clock is ahead, milliseconds. */
  readonly skew?: number
}

export function setup({ random, skew, ...rest }: Options = {}): Setup {
  const clock = new VirtualClock(random)
  const server = new FakeServer(clock)
  const own = clock.view(skew)
  const states: Setup['states'] = []
  const reasons: string[] = []
  const errors: string[] = []
  const client = createClient<unknown, unknown>({
    url: 'http://127.0.0.1/chat',
    getToken: (reason) => {
      reasons.push(reason)
      return `token${reasons.length}`
    },
    WebSocket: server.WebSocket,
    // It needs a real network.
    fallback: false,
    clock: own,
    ...rest,
  })
  client.on('state', (state, detail) => states.push({ state, detail }))
  client.on('error', (error) => errors.push(error.code ?? error))
  return { clock, server, client, own, states, reasons, errors }
}

/** The same, connected. */
export async function connected(options?: Options): Promise<Setup> {
  const scene = setup(options)
  void scene.client.connect()
  await scene.clock.advance(100)
  return scene
}

/** Gives the global object the events of a browser's until the test ends. */
export function pretendBrowser(t: { teardown(undo: () => void): void }) {
  const page = Object.assign(new EventTarget(), { hidden: false })
  const network = new EventTarget()
  const state = { onLine: true }
  const listeners = { window: 0 }
  const globals = {
    document: page,
    navigator: state,
    addEventListener: (type: string, listener: () => void, options: { signal: AbortSignal }) => {
      listeners.window += 1
      options.signal.addEventListener('abort', () => {
        listeners.window -= 1
      })
      network.addEventListener(type, listener, options)
    },
  }
  for (const [name, value] of Object.entries(globals)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name)
    Object.defineProperty(globalThis, name, { value, configurable: true })
    t.teardown(() => {
      if (before) Object.defineProperty(globalThis, name, before)
      else delete (globalThis as Record<string, unknown>)[name]
    })
  }
  return {
    listeners,
    setOnline(onLine: boolean) {
      state.onLine = onLine
      if (onLine) network.dispatchEvent(new Event('online'))
    },
    setVisible(visible: boolean) {
      page.hidden = !visible
      page.dispatchEvent(new Event('visibilitychange'))
    },
  }
}
