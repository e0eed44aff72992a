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

const realNow = Date.now
let offset = 0
Date.now = () => realNow() + offset

const { listen } = Server.prototype
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  this.once('listening', () => {
    const address = this.address()
    if (address !== null && typeof address === 'object') process.send?.({ port: address.port })
  })
  return Reflect.apply(listen, this, args)
}

const go = new Promise<void>((resolve) => {
  process.on('message', (message: AgentOrder) => {
    if (message.order === 'stall') stall(message.ms)
    else if (message.order === 'collect') collect(message.megabytes)
    else if (message.order === 'jump') offset = message.seconds * 1000
    else {
      offset = message.clockOffset
      resolve()
    }
  })
})
// A server is not to outlive a harness that was killed.
process.on('disconnect', () => process.exit())

// Everything is loaded before it is needed, so that a restart takes no longer than it must.
await import(process.env.CHAOS_PRELOAD as string)
await go
// The channel must not keep a process alive that wants to end.
process.channel?.unref()

function stall(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Makes garbage that survives young collections, then collects everything at once. */
function collect(megabytes: number): void {
  const garbage = Array.from({ length: megabytes * 10_000 }, (_, i) => ({ i, text: `${i}` }))
  if (garbage.length > 0) globalThis.gc?.()
}
