import { ErrorReply } from '@redis/client'
import type { ServerOptions, Session } from './session.js'

/** Which server has which slot. */
export interface Masters {
  readonly servers: readonly ServerOptions[]
  ownerOf(slot: number): ServerOptions | undefined
}

const SLOTS = 16_384

/** From CLUSTER SLOTS: first slot, last slot, master, replicas; a server is host, port, id … */
type SlotRange = [number, number, [string | null, number], ...unknown[]]

/**
 * Asks a server who the masters are. A server that stands alone is one master with every slot;
 * undefined when it is only a replica.
 */
export async function askMasters(session: Session): Promise<Masters | undefined> {
  let ranges: SlotRange[]
  try {
    ranges = (await session.send(['CLUSTER', 'SLOTS'])) as SlotRange[]
  } catch (error) {
    if (!(error instanceof ErrorReply && /cluster support disabled/.test(error.message)))
      throw error
    const [role] = (await session.send(['ROLE'])) as [string]
    return role === 'master' ? alone(session.server) : undefined
  }
  return clustered(session.server, ranges)
}

function alone(server: ServerOptions): Masters {
  return { servers: [server], ownerOf: () => server }
}

function clustered(asked: ServerOptions, ranges: readonly SlotRange[]): Masters {
  const owners: (ServerOptions | undefined)[] = new Array(SLOTS)
  const servers = new Map<string, ServerOptions>()
  for (const [first, last, [host, port]] of ranges) {
    // A server that does not know its own address leaves it out: it is the one we asked.
    const server = { ...asked, host: host || asked.host, port }
    const key = `${server.host} ${port}`
    const known = servers.get(key) ?? server
    servers.set(key, known)
    owners.fill(known, first, last + 1)
  }
  return { servers: [...servers.values()], ownerOf: (slot) => owners[slot] }
}

/**
 * Reads `redis://[user[:password]@]host[:port][/database]`, `rediss://` for TLS.
 * @throws {TypeError} when it is not such a URL; without the URL, which may hold a password.
 */
export function parseRedisUrl(text: string): ServerOptions {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new TypeError('not a URL')
  }
  const { protocol, hostname, port, username, password, pathname } = url
  if (protocol !== 'redis:' && protocol !== 'rediss:')
    throw new TypeError('not redis:// or rediss://')
  if (!/^(\/\d*)?$/.test(pathname)) throw new TypeError('the database is not a number')
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    tls: protocol === 'rediss:',
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(pathname.length > 1 && { database: Number(pathname.slice(1)) }),
  }
}
