import { parseArgs } from 'node:util'
import { peers } from './peers.js'
import type { Wanted } from './work.js'
import { works } from './works.js'

/** What the command line asks for. */
export interface Options {
  readonly works: readonly string[]
  /** Instead of each work's usual ones. */
  readonly peers: readonly string[] | undefined
  readonly rounds: number
  readonly seconds: number
  readonly wanted: Wanted
  readonly generator: 'native' | 'js' | undefined
  /** The binary that runs Node servers. */
  readonly node: string
  /** Settings of Parley on top of the usual ones. */
  readonly env: Readonly<Record<string, string>>
  /** Whether to write to `bench/results/`. */
  readonly save: boolean
}

export const HELP = `npm run bench -- [options]

Without options: everything, about 40 minutes on two cores that nobody else uses.

  --work NAME,…        ${works.map(({ name }) => name).join(', ')} (all)
  --peers NAME,…       ${peers.map(({ name }) => name).join(', ')}
  --rounds N           rounds, in each of which every peer is measured once (3)
  --seconds S          measured seconds of each run (1.5)
  --members N,…        members of a room
  --rooms N,…          rooms
  --connections N,…    connections, for works without rooms of members
  --in-flight K,…      messages that a sender has under way
  --rate R,…           messages a second and room
  --payload BYTES      bytes of user payload of a message (128)
  --set NAME=VALUE     a setting of Parley; may be repeated
  --save               write to bench/results/, in place of what is there of the same works; usual
                       where no work is named
  --generator NAME     native or js (native where there is a C compiler)
  --node PATH          the binary that runs Node servers (NODE, or this one)
`

/** @throws {Error} saying which option does not fit. */
export function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      work: text,
      peers: text,
      rounds: text,
      seconds: text,
      members: text,
      rooms: text,
      connections: text,
      'in-flight': text,
      rate: text,
      payload: text,
      set: { type: 'string', multiple: true },
      node: text,
      generator: text,
      save: { type: 'boolean' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const numbers = (name: 'members' | 'rooms' | 'connections' | 'in-flight' | 'rate') =>
    values[name]?.split(',').map((value) => positive(name, value))
  const wanted = {
    members: numbers('members'),
    rooms: numbers('rooms'),
    connections: numbers('connections'),
    inFlight: numbers('in-flight'),
    rate: numbers('rate'),
    payload: values.payload === undefined ? undefined : positive('payload', values.payload),
  }
  return {
    works: names('work', values.work, works),
    peers: values.peers === undefined ? undefined : names('peers', values.peers, peers),
    rounds: positive('rounds', values.rounds ?? '3'),
    seconds: positive('seconds', values.seconds ?? '1.5'),
    wanted: Object.fromEntries(
      Object.entries(wanted).filter(([, value]) => value !== undefined),
    ) as Wanted,
    generator: generator(values.generator),
    node: values.node ?? process.env.NODE ?? process.execPath,
    save: values.save ?? values.work === undefined,
    env: Object.fromEntries((values.set ?? []).map(setting)),
  }
}

function positive(name: string, value: string): number {
  const number = Number(value)
  if (number > 0) return number
  throw new Error(`--${name} must be a number above 0, but is ${value}`)
}

function names(
  option: string,
  given: string | undefined,
  known: readonly { name: string }[],
): string[] {
  const all = known.map(({ name }) => name)
  if (given === undefined) return all
  for (const name of given.split(',')) oneOf(option, name, all)
  return given.split(',')
}

function oneOf(option: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return
  throw new Error(`--${option} must be of ${known.join(', ')}, but is ${value}`)
}

function generator(value: string | undefined): Options['generator'] {
  if (value === undefined || value === 'native' || value === 'js') return value
  throw new Error(`--generator must be native or js, but is ${value}`)
}

function setting(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new Error(`--set must be NAME=VALUE, but is ${text}`)
  return [text.slice(0, at), text.slice(at + 1)]
}
