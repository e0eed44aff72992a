import { Random } from './random.js'

/** What the service under test keeps its rooms in, and how many processes it has. */
export type BrokerKind = 'embedded' | 'workers' | 'redis'
export const BROKER_KINDS: readonly BrokerKind[] = ['embedded', 'workers', 'redis']

/** What can be done to every service, and how often compared with the others. */
const WEIGHTS = {
  'kill server': 6,
  'stop server': 6,
  'restart server': 3,
  'stall server': 6,
  'collect garbage': 3,
  'jump clock': 4,
  'fill disk': 5,
  'erase room': 3,
  'lose log': 1,
  'kill clients': 3,
  'stop clients': 5,
  'reset links': 14,
  'half-open links': 8,
  'cut one way': 8,
  'slow links': 8,
} as const

/** What can be done to one of the workers of a service. */
const WORKERS_WEIGHTS = { 'kill worker': 9, 'stop worker': 7 } as const

/** What can be done to Redis and to the links to it. */
const REDIS_WEIGHTS = {
  'kill redis': 5,
  'stop redis': 5,
  'cut redis': 6,
  'cut redis one way': 6,
  'reset redis links': 8,
} as const

export type FaultKind =
  | keyof typeof WEIGHTS
  | keyof typeof WORKERS_WEIGHTS
  | keyof typeof REDIS_WEIGHTS

/** Every kind of fault that there is for a service, and how often compared with the others. */
export function faultsOf(broker: BrokerKind): Readonly<Partial<Record<FaultKind, number>>> {
  if (broker === 'embedded') return WEIGHTS
  if (broker === 'workers') return { ...WEIGHTS, ...WORKERS_WEIGHTS }
  const { 'fill disk': _, ...others } = WEIGHTS
  return { ...others, ...REDIS_WEIGHTS }
}

export const FAULT_KINDS = Object.keys({
  ...WEIGHTS,
  ...WORKERS_WEIGHTS,
  ...REDIS_WEIGHTS,
}) as FaultKind[]

/** One fault. Which of its numbers mean something depends on its kind. */
export interface Fault {
  /** Milliseconds after the start. */
  readonly at: number
  readonly kind: FaultKind
  /** How long it lasts, milliseconds. */
  readonly ms: number
  /** 0–1: which link, room or process, of those there are then. */
  readonly target: number
  /** How many links. */
  readonly count: number
  /** After how many more bytes a link is reset; how many a slow one passes in 50 ms. */
  readonly bytes: number
  /** Seconds that the clock jumps. */
  readonly seconds: number
  /** Towards the server, or away from it. */
  readonly up: boolean
}

const SECOND = 1000

/** The faults of a run: the seed decides all of them, before it begins. */
export function createSchedule(
  seed: number,
  seconds: number,
  broker: BrokerKind = 'embedded',
): Fault[] {
  const weights = faultsOf(broker) as Record<FaultKind, number>
  const random = new Random(seed)
  const faults: Fault[] = []
  for (let at = random.between(500, 1500); at < seconds * SECOND; ) {
    faults.push({
      at,
      kind: random.weighted(weights),
      ms: random.chance(0.2) ? random.between(2000, 4000) : random.between(50, 1500),
      target: random.next(),
      count: random.chance(0.2) ? random.between(5, 40) : random.between(1, 3),
      bytes: random.chance(0.5) ? random.between(0, 400) : random.between(0, 20_000),
      seconds: random.between(-3600, 3600),
      up: random.chance(0.5),
    })
    at += random.chance(0.15) ? random.between(0, 50) : random.between(200, 1500)
  }
  return faults
}

/** A fault in words, for the history. */
export function describe({ kind, ms, count, bytes, seconds, up }: Fault): string {
  switch (kind) {
    case 'collect garbage':
    case 'erase room':
    case 'restart server':
      return kind
    case 'jump clock':
      return `${kind} by ${seconds} s for ${ms} ms`
    case 'reset links':
      return `${kind}: ${count}, after ${bytes} bytes ${up ? 'up' : 'down'}`
    case 'cut one way':
      return `${kind}: ${count} links ${up ? 'up' : 'down'} for ${ms} ms`
    case 'half-open links':
      return `${kind}: ${count} for ${ms} ms, then reset`
    case 'slow links':
      return `${kind}: ${count} at ${Math.max(64, bytes)} bytes a tick for ${ms} ms`
    default:
      return `${kind} for ${ms} ms`
  }
}
