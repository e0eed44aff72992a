import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A TCP proxy whose links can go dead without a word, as a lost network does. */
export async function startProxy(t: Test, target: string) {
  const links = new Set<Socket[]>()
  const server = createServer((near) => {
    const far = connect(Number(new URL(target).port), '127.0.0.1')
    const link = [near, far]
    links.add(link)
    near.pipe(far).pipe(near)
    for (const socket of link) {
      socket.on('error', () => {})
      socket.on('close', () => {
        links.delete(link)
        for (const other of link) other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of [...links].flat()) socket.destroy()
  })
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`,
    /** What is connected now hears nothing more, and is not heard. */
    freeze() {
      for (const [near, far] of links) {
        near?.unpipe()
        far?.unpipe()
        near?.pause()
        far?.pause()
      }
    },
  }
}
