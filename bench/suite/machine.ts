import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { cores } from './pinned.js'

/** Where and with what the figures were taken, for the head of the results. */
export function describeMachine(node: string, generator: string): string {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  const model = cpus()[0]?.model.replace(/\s+/g, ' ').trim() ?? 'unknown'
  const memory = Math.round(totalmem() / 2 ** 30)
  const load = loadavg().map((value) => value.toFixed(2))
  const where = cores
    ? `server on core ${cores.server}, generator on core ${cores.generator}`
    : 'server and generator not pinned'
  return [
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `${cpus().length} × ${model}, ${memory} GB, Linux ${release()}`,
    `Node ${version}`,
    `${generator} load generator, ${where}`,
    `load average before: ${load.join(', ')}`,
  ].join('; ')
}
