import { readdirSync, readFileSync } from 'node:fs'
import type { Plan } from './plan.js'

/** Seconds: by the wall, CPU of the server, CPU of this process. */
export interface Cost {
  readonly at: number
  readonly server: number
  readonly own: number
}

/** Bytes of a page of memory; what Linux has nearly everywhere. */
const PAGE = 4096

/** Nanoseconds that the threads of the server's processes have run, as the scheduler counts them. */
function serverNanos(pids: readonly number[]): number {
  let total = 0
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const path = `/proc/${pid}/task/${task}/schedstat`
      total += Number(readFileSync(path, 'utf8').split(' ')[0])
    }
  }
  return total
}

export function costNow({ pids }: Plan): Cost {
  const { user, system } = process.cpuUsage()
  return {
    at: performance.now() / 1000,
    server: serverNanos(pids) / 1e9,
    own: (user + system) / 1e6,
  }
}

export function rssKb({ pids }: Plan): number {
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]))
  return (pages.reduce((a, b) => a + b, 0) * PAGE) / 1024
}

export const pause = (seconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000))

/** Resolves when the server has worked for so many seconds more, or so many times as long passed. */
async function worked(plan: Plan, from: Cost, seconds: number, times: number): Promise<void> {
  const latest = from.at + seconds * times
  while (performance.now() / 1000 < latest && costNow(plan).server - from.server < seconds) {
    await pause(0.02)
  }
}

/** The time before the measured window; see `generator.h`. */
export function warmUp(plan: Plan): Promise<void> {
  return worked(plan, costNow(plan), plan.number('warmup', 1), 30)
}

/** Resolves at the end of the measured window. */
export async function windowEnd(plan: Plan, from: Cost): Promise<Cost> {
  const seconds = plan.number('seconds', 1)
  await pause(from.at + seconds - performance.now() / 1000)
  if (plan.number('rate', 0) === 0) await worked(plan, from, seconds * 0.7, 15)
  return costNow(plan)
}

/** The fields that every report has. */
export function report(plan: Plan, from: Cost, to: Cost, frames: number, millis: number[] = []) {
  millis.sort((a, b) => a - b)
  const at = (share: number) => millis[Math.floor((millis.length - 1) * share)] ?? 0
  return {
    frames,
    seconds: to.at - from.at,
    serverCpu: to.server - from.server,
    generatorCpu: to.own - from.own,
    rssKb: rssKb(plan),
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  }
}
