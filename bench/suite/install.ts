import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PEERS } from './folders.js'

/** Installs the peers' package once, when one of them is asked for. */
export function installPeers(names: readonly string[] | undefined): void {
  const own = names?.every((name) => name.startsWith('parley') || name === 'nchan')
  if (own || existsSync(join(PEERS, 'node_modules'))) return
  console.log('installing the peers …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: PEERS,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) console.log('the peers could not be installed')
}
