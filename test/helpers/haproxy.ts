import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './ports.js'
import { runProxy, shippedWith, temporaryFolder, without } from './reverse-proxy.js'
import type { Teardown } from './server.js'

const HAPROXY = process.env.HAPROXY ?? '/usr/sbin/haproxy'

/** Why tests with a real HAProxy are skipped here; false when they are not. */
export const noHaproxy = without(HAPROXY)

/** As `startNginx`, with HAProxy and its shipped file. */
export async function startHaproxy(
  t: Teardown,
  nodes: readonly { readonly url: string }[],
  silence = 75,
): Promise<number> {
  const dir = await temporaryFolder(t)
  const port = await freePort()
  const server = (url: string, i: number) => `server parley-${i + 1} ${new URL(url).host}`
  const text = await shippedWith('haproxy.cfg', [
    ['maxconn 50000', 'maxconn 4000'],
    ['bind :80', `bind 127.0.0.1:${port}`],
    ['timeout tunnel 75s', `timeout tunnel ${silence}s`],
    ['timeout client 75s', `timeout client ${silence}s`],
    ['timeout server 75s', `timeout server ${silence}s`],
    [server('http://parley-1:3000', 0), nodes.map(({ url }, i) => server(url, i)).join('\n  ')],
    [server('http://parley-2:3000', 1), ''],
  ])
  const main = join(dir, 'haproxy.cfg')
  await writeFile(main, text)
  await runProxy(t, [HAPROXY, '-db', '-f', main], port, join(dir, 'output.log'))
  return port
}
