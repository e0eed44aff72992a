import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Two ends of a real Unix socket, as between a worker and its parent. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const dir = await mkdtemp(join(tmpdir(), 'parley-socket-'))
  const server = createServer()
  try {
    server.listen(join(dir, 's'))
    await once(server, 'listening')
    const near = connect(join(dir, 's'))
    const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'connect')])
    return [near, far as Socket]
  } finally {
    server.close()
    await rm(dir, { recursive: true, force: true })
  }
}
