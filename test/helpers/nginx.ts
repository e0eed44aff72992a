import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from './ports.js'
import type { Teardown } from './server.js'

const NGINX = process.env.NGINX ?? '/usr/sbin/nginx'
const SHIPPED = fileURLToPath(new URL('../../../deploy/nginx.conf', import.meta.url))

/** Why tests with a real nginx are skipped here; false when they are not. */
export const noNginx: string | false =
  existsSync(NGINX) || process.env.REQUIRE_SERVICES === '1' ? false : `${NGINX} is not installed`

/**
 * Starts nginx with the shipped file in front of the nodes. Only its own address, theirs and the
 * time-out are replaced; it throws when the file does not say what is to be replaced.
 * @param silence seconds that a connection may be silent
 * @param changes what else is replaced
 * @returns the port that it listens on
 */
export async function startNginx(
  t: Teardown,
  nodes: readonly { readonly url: string }[],
  silence = 75,
  changes: readonly (readonly [what: string, by: string])[] = [],
): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'parley-nginx-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const port = await freePort()
  const shipped = await readFile(SHIPPED, 'utf8')
  const upstream = (url: string) => `server ${new URL(url).host} max_fails=0;`
  const site = [
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['proxy_read_timeout 75s;', `proxy_read_timeout ${silence}s;`],
    [upstream('http://parley-1:3000'), nodes.map(({ url }) => upstream(url)).join('\n')],
    [upstream('http://parley-2:3000'), ''],
    ...changes,
  ].reduce((text, [what, by]) => {
    if (!text.includes(what as string)) throw new Error(`${SHIPPED} does not say ${what}`)
    return text.replace(what as string, by as string)
  }, shipped)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${dir}/${kind};`)
    .join('\n')
  const main = join(dir, 'nginx.conf')
  await writeFile(
    main,
    `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log;
    events { worker_connections 8192; }
    http { access_log off; ${temporary}
    ${site} }`,
  )
  const nginx = spawn(NGINX, ['-c', main, '-p', dir], { stdio: 'ignore' })
  t.teardown(() => end(nginx))
  await Promise.race([accepts(port), once(nginx, 'exit').then(() => failed(dir))])
  return port
}

/** Makes it drop the headers of handshakes, as proxies do that know no WebSocket. */
export const WITHOUT_UPGRADES = [
  ['proxy_set_header Upgrade $http_upgrade;', 'proxy_set_header Upgrade "";'],
  ['proxy_set_header Connection $parley_connection;', 'proxy_set_header Connection "";'],
] as const

/** Makes it go from node to node, whatever a client used before. */
export const ROUND_ROBIN = [['least_conn;', '']] as const

async function failed(dir: string): Promise<never> {
  throw new Error(`nginx ended: ${await readFile(join(dir, 'error.log'), 'utf8')}`)
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
