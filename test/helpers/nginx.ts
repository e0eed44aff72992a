import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './ports.js'
import { runProxy, shippedWith, temporaryFolder, without } from './reverse-proxy.js'
import type { Teardown } from './server.js'

const NGINX = process.env.NGINX ?? '/usr/sbin/nginx'

/** Why tests with a real nginx are skipped here; false when they are not. */
export const noNginx = without(NGINX)

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
  const dir = await temporaryFolder(t)
  const port = await freePort()
  const upstream = (url: string) => `server ${new URL(url).host} max_fails=0;`
  const site = await shippedWith('nginx.conf', [
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['proxy_read_timeout 75s;', `proxy_read_timeout ${silence}s;`],
    [upstream('http://parley-1:3000'), nodes.map(({ url }) => upstream(url)).join('\n')],
    [upstream('http://parley-2:3000'), ''],
    ...changes,
  ])
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${dir}/${kind};`)
    .join('\n')
  const main = join(dir, 'nginx.conf')
  const log = join(dir, 'error.log')
  await writeFile(
    main,
    `daemon off; master_process off; pid ${dir}/pid; error_log ${log};
    events { worker_connections 8192; }
    http { access_log off; ${temporary}
    ${site} }`,
  )
  await runProxy(t, [NGINX, '-c', main, '-p', dir], port, log)
  return port
}

/** Makes it drop the headers of handshakes, as proxies do that know no WebSocket. */
export const WITHOUT_UPGRADES = [
  ['proxy_set_header Upgrade $http_upgrade;', 'proxy_set_header Upgrade "";'],
  ['proxy_set_header Connection $parley_connection;', 'proxy_set_header Connection "";'],
] as const

/** Makes it go from node to node, whatever a client used before. */
export const ROUND_ROBIN = [['least_conn;', '']] as const
