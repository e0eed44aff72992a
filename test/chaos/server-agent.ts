import cluster from 'node:cluster'
import { Server } from 'node:net'

/**
 * Loaded into the server under test before its own code: tells the harness where it listens, and
 * does to the process from within what cannot be done from without.
 */
export type AgentOrder =
  | { readonly order: 'go'; readonly clockOffset: number }
  | { readonly order: 'stall'; readonly ms: number }
  | { readonly order: 'collect'; readonly megabytes: number }
  | { readonly order: 'jump'; readonly seconds: number }

/** The service starts its workers with the same options, and so with this agent. */
const isWorker = process.env.PARLEY_WORKER !== undefined

const realNow = Date.now
let offset = 0
Date.now = () => realNow() + offset

/** An order on its way to the workers. */
interface Relayed {
  readonly chaos?: AgentOrder
}

const { listen } = Server.prototype
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  this.once('listening', () => {
    const address = this.address()
    const isOurs = address !== null && typeof address === 'object'
    if (isOurs && !isWorker) process.send?.({ port: address.port })
  })
  return Reflect.apply(listen, this, args)
}

const go = new Promise<void>((resolve) => {
  if (isWorker) {
    process.on('message', ({ chaos }: Relayed) => chaos && obey(chaos))
    resolve()
    return
  }
  process.on('message', (order: AgentOrder) => {
    obey(order)
    if (order.order === 'go') resolve()
    for (const worker of Object.values(cluster.workers ?? {})) worker?.send({ chaos: order })
  })
  // A worker that is started later has the same clock.
  cluster.on('online', (worker) => {
    worker.send({ chaos: { order: 'jump', seconds: offset / 1000 } satisfies AgentOrder })
  })
})
// A server is not to outlive a harness that was killed.
process.on('disconnect', () => process.exit())

// Everything is loaded before it is needed, so that a restart takes no longer than it must.
await import(process.env.CHAOS_PRELOAD as string)
await go
// The channel must not keep a process alive that wants to end.
process.channel?.unref()

function obey(order: AgentOrder): void {
  if (order.order === 'stall') stall(order.ms)
  else if (order.order === 'collect') collect(order.megabytes)
  else if (order.order === 'jump') offset = order.seconds * 1000
  else offset = order.clockOffset
}

function stall(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Makes garbage that survives young collections, then collects everything at once. */
function collect(megabytes: number): void {
  const garbage = Array.from({ length: megabytes * 10_000 }, (_, i) => ({ i, text: `${i}` }))
  if (garbage.length > 0) globalThis.gc?.()
}
