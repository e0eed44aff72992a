import type { Endpoint } from './dialects.js'

/** What the load generator is to do, besides how the server is spoken to. */
export interface Load {
  readonly work: 'chat' | 'echo' | 'idle' | 'handshakes'
  /** Rooms; members of each; how many of those send. */
  readonly rooms?: number
  readonly members?: number
  readonly senders?: number
  /** Messages that a sender has under way: sent, its own copy not back yet. */
  readonly in_flight?: number
  /** Messages a second and room, by the clock; instead of `in_flight`. */
  readonly rate?: number
  /** Bytes of user payload of a message. */
  readonly payload?: number
  /** Connections, where there are no rooms of members. */
  readonly connections?: number
  /** Connections being opened at a time. */
  readonly at_once?: number
  /**
   * Seconds that the server works before the measured time, and the measured seconds, which without
   * `rate` go on until the server has worked for most of them: others may use the machine too.
   */
  readonly warmup?: number
  readonly seconds?: number
  /** Seconds that whatever is still under way may take at the end. */
  readonly patience?: number
  /** Publications are cut into two writes, one byte later each time. */
  readonly split?: boolean
  /** Members ping in between. */
  readonly pings?: boolean
  /** Seconds that the first member of each room reads nothing. */
  readonly stall?: number
  /** The second member of each room never reads again. */
  readonly dead?: boolean
  /** Bytes a second that the first member of each room reads at most. */
  readonly slow_bytes?: number
  /** Parts of the measured time that are reported by themselves. */
  readonly slices?: number
}

/** Whom the generator talks to and whose cost it measures. */
export interface Target {
  readonly port: number
  readonly pids: readonly number[]
  readonly endpoint: Endpoint
  /** File of tokens, one a line, for `{token}`. */
  readonly tokens: string
}

/** What the generator measured; seconds, kilobytes, latencies in milliseconds. */
export interface Report {
  readonly frames: number
  readonly seconds: number
  readonly serverCpu: number
  readonly generatorCpu: number
  readonly rssKb: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** What went wrong, by kind; all 0 when every message came once and in order. */
  readonly faults: Readonly<Record<string, number>>
  /** Messages sent and deliveries seen, from the start of the warm-up to the end. */
  readonly published?: number
  readonly delivered?: number
  /** Connections closed among those that read slowly or not at all. */
  readonly closedOdd?: number
  readonly rssBeforeKb?: number
  /** CPU of the server while all were idle, over `Load.seconds`. */
  readonly idleCpu?: number
  readonly slices?: readonly Slice[]
}

/** A part of the measured time. */
export interface Slice {
  readonly rssKb: number
  /** Without what is mapped from files, the log's say, which the kernel takes back when it likes. */
  readonly ownKb: number
  readonly p50: number
  readonly p99: number
}

/** The plan as the generator reads it: one `name value` a line. */
export function planLines(load: Load, { port, pids, endpoint, tokens }: Target): string {
  const lines: string[] = [`port ${port}`, `path ${endpoint.path}`, `publish ${endpoint.publish}`]
  for (const pid of pids) lines.push(`pid ${pid}`)
  for (const header of endpoint.headers ?? []) lines.push(`header ${header}`)
  lines.push(`tokens ${tokens}`)
  // A handshake ends with the upgrade.
  const steps = load.work === 'handshakes' ? [] : (endpoint.steps ?? [])
  for (const step of steps) lines.push(...Object.entries(step).map((pair) => pair.join(' ')))
  if (endpoint.textPing) {
    lines.push(`answer_ping ${endpoint.textPing.ping}`, `answer_pong ${endpoint.textPing.pong}`)
  }
  for (const [name, value] of Object.entries(load)) {
    if (value !== undefined) lines.push(`${name} ${typeof value === 'boolean' ? +value : value}`)
  }
  return `${lines.join('\n')}\n`
}
