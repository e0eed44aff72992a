import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Teardown } from './server.js'

/** Why tests with a real proxy are skipped here; false when they are not. */
export function without(binary: string): string | false {
  const expected = existsSync(binary) || process.env.REQUIRE_SERVICES === '1'
  return expected ? false : `${binary} is not installed`
}

/**
 * A shipped configuration with some of its text replaced.
 * @throws when the file does not say what is to be replaced.
 */
export async function shippedWith(
  file: string,
  replacements: readonly (readonly [what: string, by: string])[],
): Promise<string> {
  const path = fileURLToPath(new URL(`../../../deploy/${file}`, import.meta.url))
  return replacements.reduce(
    (text, [what, by]) => {
      if (!text.includes(what)) throw new Error(`${path} does not say ${what}`)
      return text.replace(what, by)
    },
    await readFile(path, 'utf8'),
  )
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: Teardown): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'parley-proxy-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/**
 * Starts a proxy in the foreground; it is ended after the test.
 * @param log file that gets what it writes, and is quoted when it ends by itself
 */
export async function runProxy(
  t: Teardown,
  [binary, ...args]: readonly [string, ...string[]],
  port: number,
  log: string,
): Promise<void> {
  const output = await open(log, 'a')
  const proxy = spawn(binary, args, { stdio: ['ignore', output.fd, output.fd] })
  await output.close()
  t.teardown(() => end(proxy))
  const ended = once(proxy, 'exit').then(async () => {
    throw new Error(`${binary} ended: ${await readFile(log, 'utf8')}`)
  })
  await Promise.race([accepts(port), ended])
  // From here on it ends when the test does.
  ended.catch(() => {})
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

async function accepts(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await sleep(20)
    } finally {
      socket.destroy()
    }
  }
}
