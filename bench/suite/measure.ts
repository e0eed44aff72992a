import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LogFigures } from '../log.js'
import { findGenerator, type Generator, generate } from './generator.js'
import { installPeers } from './install.js'
import { logTables } from './log-tables.js'
import { describeMachine } from './machine.js'
import { caseTable } from './markdown.js'
import type { Run } from './measurement.js'
import type { Options } from './options.js'
import { type Peer, peers } from './peers.js'
import { cores } from './pinned.js'
import type { Report } from './plan.js'
import type { CaseResult, WorkResult } from './results.js'
import { startServer } from './server.js'
import { tokenFile } from './tokens.js'
import type { Case, Work } from './work.js'
import { works } from './works.js'

/** What every run needs. */
interface Bench {
  readonly options: Options
  readonly generator: Generator
  readonly tokens: string
}

/** Runs what is asked for, printing as it goes; each finished work is handed over at once. */
export async function measure(
  options: Options,
  finished: (result: WorkResult) => void,
): Promise<void> {
  installPeers(options.peers)
  const generator = findGenerator(options.generator)
  const bench = { options, generator, tokens: tokenFile(20_000) }
  for (const peer of peers) {
    const why = (options.peers?.includes(peer.name) ?? !peer.optional) && peer.missing?.()
    if (why) console.log(`${peer.title} is left out: ${why}.`)
  }
  for (const work of works.filter(({ name }) => options.works.includes(name))) {
    const machine = describeMachine(options.node, generator.name)
    console.log(`\n## ${work.title}\n\n${machine}`)
    const cases: CaseResult[] = []
    for (const item of work.cases(options.wanted)) {
      const result = { label: item.label, load: item.load, runs: await rounds(bench, work, item) }
      cases.push(result)
      console.log(`\n${caseTable(work, result)}`)
    }
    if (work.name !== 'log') finished({ name: work.name, machine, cases })
    else {
      const log = await measureLog()
      console.log(`\n${logTables(log)}`)
      finished({ name: work.name, machine, cases, log })
    }
  }
}

/** Measures every peer in turn, several times over. */
async function rounds(bench: Bench, work: Work, item: Case): Promise<Run[]> {
  const { options } = bench
  const names = options.peers ?? work.peers
  const here = peers.filter((peer) => {
    const wanted = names ? names.includes(peer.name) : !peer.optional
    return wanted && peer.dialect[item.endpoint] && !peer.missing?.()
  })
  const runs: Run[] = []
  for (let round = 1; round <= Math.min(options.rounds, work.rounds ?? Infinity); round++) {
    for (const peer of here) {
      runs.push({ peer: peer.name, round, report: await run(bench, peer, item) })
    }
  }
  return runs
}

/** One case of one peer, against a server of its own. */
async function run(bench: Bench, peer: Peer, { load, endpoint, env }: Case): Promise<Report> {
  const { node, seconds, wanted, env: given } = bench.options
  const settings = peer.name.startsWith('parley') ? { ...env, ...given } : {}
  try {
    const server = await startServer(peer, { node, env: settings, core: cores?.server })
    try {
      const whole = { seconds, payload: wanted.payload ?? 128, ...load }
      const target = {
        port: server.port,
        pids: server.pids(),
        endpoint: peer.dialect[endpoint] as NonNullable<(typeof peer.dialect)['echo']>,
        tokens: bench.tokens,
      }
      return await generate(bench.generator, whole, target, cores?.generator)
    } finally {
      await server.stop()
    }
  } catch (error) {
    throw new Error(`${peer.title}: ${error instanceof Error ? error.message : error}`)
  }
}

/** The log's own benchmark, in a process of its own. */
function measureLog(): Promise<LogFigures> {
  const child = fork(fileURLToPath(new URL('../log.js', import.meta.url)))
  return new Promise((resolve, reject) => {
    child.once('message', (figures) => resolve(figures as LogFigures))
    child.once('exit', (code) => reject(new Error(`the log's benchmark ended with ${code}`)))
  })
}
