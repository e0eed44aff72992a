import { cpuOf, figuresOf, perConnectionOf, ratio } from './measurement.js'
import { peers } from './peers.js'
import type { CaseResult, WorkResult } from './results.js'
import { short, table } from './table.js'
import { costWorks } from './works-cost.js'

/** Columns of the summary. */
const PEERS = ['parley', 'parley-memory', 'bun', 'socketio', 'fastify-ws', 'nchan']

/** One line for each case of the works that are about cost. */
export function summary(results: readonly WorkResult[]): string {
  const shown = results.filter(({ name }) => costWorks.some((work) => work.name === name))
  const titles = PEERS.map((name) => peers.find((peer) => peer.name === name)?.title ?? name)
  const head = ['CPU µs a frame', ...titles, '× Bun', '× Socket.IO', '× plain @fastify/websocket']
  return table(
    head,
    shown.flatMap(({ cases }) => cases.map(row)),
  )
}

function row({ label, load, runs }: CaseResult): string[] {
  const idle = load.work === 'idle'
  const of = idle ? perConnectionOf : cpuOf
  const figures = PEERS.map((name) => {
    const { cpu, perConnection } = figuresOf(name, runs)
    return short(idle ? perConnection : cpu)
  })
  const ratios = ['bun', 'socketio', 'fastify-ws'].map((other) => {
    return short(ratio(runs, 'parley', other, of))
  })
  const title = {
    chat: label,
    echo: `echo, ${label}`,
    handshakes: `a handshake, ${label}`,
    idle: `KB an idle member, ${label}`,
  }[load.work]
  return [title, ...figures, ...ratios]
}
