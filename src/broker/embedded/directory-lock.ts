import { closeSync, openSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { UnusableLog } from './unusable-log.js'

/**
 * Makes sure that one process at a time uses a directory.
 *
 * Each process listens on a Unix socket of its own in the directory, then looks for others: one that
 * takes a connection belongs to a living process, and whoever finds such a one gives up. As everyone
 * listens before looking, of two that start at the same moment at least one finds the other: there
 * are never two. The kernel ends the listening with the process, however it ends, so nothing stale
 * can keep a restart waiting, no process id that is used again is taken for the old process, and it
 * works between containers that share the directory, whatever their other namespaces.
 */
export async function lockDirectory(dir: string, pid: number, id: string): Promise<DirectoryLock> {
  const name = `${PREFIX}${pid}-${id}`
  const fd = openSync(dir, 'r')
  try {
    const server = await listen(dir, socketPath(dir, fd, name))
    try {
      await refuseOthers(dir, fd, name)
    } catch (error) {
      await close(server)
      throw error
    }
    return {
      release: async () => {
        await close(server)
        closeSync(fd)
      },
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

export interface DirectoryLock {
  release(): Promise<void>
}

const PREFIX = 'lock-'

async function refuseOthers(dir: string, fd: number, own: string): Promise<void> {
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(PREFIX) || name === own) continue
    if (await isAlive(socketPath(dir, fd, name))) {
      const pid = name.slice(PREFIX.length).split('-')[0]
      throw new UnusableLog(
        `${dir} is in use by process ${pid}: a log belongs to one process at a time`,
      )
    }
    rmSync(join(dir, name), { force: true })
  }
}

function listen(dir: string, path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.unref()
    server.once('error', (cause) =>
      reject(new Error(`${dir} cannot be locked: ${cause.message}`, { cause })),
    )
    server.listen(path, () => resolve(server))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

/** Whether a process listens. What is neither a clear yes nor a clear no counts as yes. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const settle = (alive: boolean) => {
      socket.destroy()
      resolve(alive)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      settle(code !== 'ECONNREFUSED' && code !== 'ENOENT' && code !== 'ENOTSOCK'),
    )
  })
}

/** A socket's path may have about 100 bytes: a long directory is named by its open file. */
function socketPath(dir: string, fd: number, name: string): string {
  const path = join(dir, name)
  const isLong = Buffer.byteLength(path) > MAX_SOCKET_PATH
  return isLong && process.platform === 'linux' ? `/proc/self/fd/${fd}/${name}` : path
}

const MAX_SOCKET_PATH = 100
