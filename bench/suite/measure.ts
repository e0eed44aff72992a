import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PEERS } from './folders.js'
import { findGenerator, generate } from './generator.js'
import { describeMachine } from './machine.js'
import { caseTable } from './markdown.js'
import type { Measurement } from './measurement.js'
import type { Options } from './options.js'
import { type Peer, peers } from './peers.js'
import { cores } from './pinned.js'
import { startServer } from './server.js'
import { tokenFile } from './tokens.js'
import { type Case, works } from './works.js'

/** Runs what is asked for, printing as it goes. */
export async function measure(options: Options): Promise<readonly Measurement[]> {
  installPeers(options)
  const generator = findGenerator()
  console.log(`${describeMachine(options.node)}\n`)
  const found = peers.filter(({ name }) => options.peers.includes(name))
  for (const peer of found) {
    const why = peer.missing?.()
    if (why) console.log(`${peer.title} is left out: ${why}.`)
  }
  const here = found.filter((peer) => !peer.missing?.())
  const tokens = tokenFile(20_000)
  const all: Measurement[] = []
  for (const work of works.filter(({ name }) => options.works.includes(name))) {
    console.log(`\n## ${work.title}`)
    for (const item of work.cases(options.wanted)) {
      const runs: Measurement[] = []
      for (let round = 1; round <= options.rounds; round++) {
        for (const peer of here) {
          if (!peer.dialect[item.endpoint]) continue
          if (item.peers && !item.peers.includes(peer.name)) continue
          const report = await run(peer, item, options, generator, tokens)
          runs.push({ work: work.name, case: item.label, peer: peer.name, round, report })
        }
      }
      all.push(...runs)
      console.log(`\n${caseTable(work, item, runs)}`)
    }
  }
  return all
}

/** One case of one peer, against a server of its own. */
async function run(
  peer: Peer,
  { load, endpoint }: Case,
  { node, env, seconds, wanted }: Options,
  generator: string,
  tokens: string,
) {
  const settings = peer.name.startsWith('parley') ? env : {}
  const server = await startServer(peer, { node, env: settings, core: cores?.server })
  try {
    const whole = { seconds, payload: wanted.payload ?? 128, ...load }
    const target = {
      port: server.port,
      pids: server.pids(),
      endpoint: peer.dialect[endpoint] as NonNullable<(typeof peer.dialect)['echo']>,
      tokens,
    }
    return await generate(generator, whole, target, cores?.generator)
  } catch (error) {
    throw new Error(`${peer.title}: ${error instanceof Error ? error.message : error}`)
  } finally {
    await server.stop()
  }
}

/** Installs the peers' package once, when one of them is asked for. */
function installPeers({ peers: names }: Options): void {
  const own = names.every((name) => name.startsWith('parley') || name === 'nchan')
  if (own || existsSync(join(PEERS, 'node_modules'))) return
  console.log('installing the peers …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: PEERS,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) console.log('the peers could not be installed')
}
