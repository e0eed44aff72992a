/**
 * The flags of the International Code of Signals, drawn on a field of 24 × 24: people fly the flag
 * of their nick's first letter, rooms that of their name's first letter or digit.
 */

/** Red, blue, yellow, white, black ("n" for noir). */
export type FlagColour = 'r' | 'b' | 'y' | 'w' | 'n'

/** Square flags, the swallowtails A and B, and the tapering pennants of the digits. */
export type FlagShape = 'square' | 'tail' | 'pennant'

export interface SignalFlag {
  readonly shape: FlagShape
  /** Painted in this order, each over the one before. */
  readonly parts: readonly (readonly [FlagColour, path: string])[]
}

const FULL = 'M0 0h24v24H0z'
const DISC = 'M12 5a7 7 0 1 0 0 14a7 7 0 1 0 0-14z'
const SALTIRE = 'M0 0h4L12 8L20 0h4v4L16 12L24 20v4h-4L12 16L4 24H0v-4L8 12L0 4z'
const CROSS = 'M9.5 0h5v9.5H24v5h-9.5V24h-5v-9.5H0v-5h9.5z'
const LEFT = 'M0 0h12v24H0z'
const RIGHT = 'M12 0h12v24H12z'
const TOP = 'M0 0h24v12H0z'
const BOTTOM = 'M0 12h24v12H0z'
const THIRDS = ['M0 0h8v24H0z', 'M8 0h8v24H8z', 'M16 0h8v24h-8z'] as const
const FALLING_QUARTERS = 'M0 0h12v12H0zM12 12h12v12H12z'
const RISING_QUARTERS = 'M12 0h12v12H12zM0 12h12v12H0z'

type Parts = SignalFlag['parts']
const square = (...parts: Parts): SignalFlag => ({ shape: 'square', parts })
const tail = (...parts: Parts): SignalFlag => ({ shape: 'tail', parts })
const pennant = (...parts: Parts): SignalFlag => ({ shape: 'pennant', parts })

const FLAGS: Readonly<Record<string, SignalFlag>> = {
  A: tail(['w', LEFT], ['b', RIGHT]),
  B: tail(['r', FULL]),
  C: square(['b', FULL], ['w', 'M0 5h24v14H0z'], ['r', 'M0 9.5h24v5H0z']),
  D: square(['y', FULL], ['b', 'M0 6h24v12H0z']),
  E: square(['b', TOP], ['r', BOTTOM]),
  F: square(['w', FULL], ['r', 'M12 0L24 12L12 24L0 12z']),
  G: square(['y', FULL], ['b', 'M4 0h4v24H4zM12 0h4v24h-4zM20 0h4v24h-4z']),
  H: square(['w', LEFT], ['r', RIGHT]),
  I: square(['y', FULL], ['n', DISC]),
  J: square(['b', FULL], ['w', 'M0 8h24v8H0z']),
  K: square(['y', LEFT], ['b', RIGHT]),
  L: square(['y', FALLING_QUARTERS], ['n', RISING_QUARTERS]),
  M: square(['b', FULL], ['w', SALTIRE]),
  N: square(
    ['w', FULL],
    ['b', 'M0 0h6v6H0zM12 0h6v6h-6zM6 6h6v6H6zM18 6h6v6h-6zM0 12h6v6H0zM12 12h6v6h-6z'],
    ['b', 'M6 18h6v6H6zM18 18h6v6h-6z'],
  ),
  O: square(['r', 'M0 0h24v24z'], ['y', 'M0 0L24 24H0z']),
  P: square(['b', FULL], ['w', 'M7 7h10v10H7z']),
  Q: square(['y', FULL]),
  R: square(['r', FULL], ['y', CROSS]),
  S: square(['w', FULL], ['b', 'M7 7h10v10H7z']),
  T: square(['r', THIRDS[0]], ['w', THIRDS[1]], ['b', THIRDS[2]]),
  U: square(['r', FALLING_QUARTERS], ['w', RISING_QUARTERS]),
  V: square(['w', FULL], ['r', SALTIRE]),
  W: square(['b', FULL], ['w', 'M4.5 4.5h15v15h-15z'], ['r', 'M9 9h6v6H9z']),
  X: square(['w', FULL], ['b', CROSS]),
  Y: square(
    ['y', FULL],
    ['r', 'M0 4.8L4.8 0h4.8L0 9.6zM0 14.4L14.4 0h4.8L0 19.2z'],
    ['r', 'M0 24L24 0v4.8L4.8 24zM9.6 24L24 9.6v4.8L14.4 24zM19.2 24L24 19.2V24z'],
  ),
  Z: square(
    ['y', 'M0 0h24L12 12z'],
    ['b', 'M24 0v24L12 12z'],
    ['r', 'M24 24H0l12-12z'],
    ['n', 'M0 24V0l12 12z'],
  ),
  0: pennant(['y', THIRDS[0]], ['r', THIRDS[1]], ['y', THIRDS[2]]),
  1: pennant(['w', FULL], ['r', 'M9 7.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9z']),
  2: pennant(['b', FULL], ['w', 'M9 7.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9z']),
  3: pennant(['r', THIRDS[0]], ['w', THIRDS[1]], ['b', THIRDS[2]]),
  4: pennant(['r', FULL], ['w', CROSS]),
  5: pennant(['y', LEFT], ['b', RIGHT]),
  6: pennant(['n', TOP], ['w', BOTTOM]),
  7: pennant(['y', TOP], ['r', BOTTOM]),
  8: pennant(['w', FULL], ['r', CROSS]),
  9: pennant(
    ['w', 'M0 0h12v12H0z'],
    ['n', 'M12 0h12v12H12z'],
    ['r', 'M0 12h12v12H0z'],
    ['y', 'M12 12h12v12H12z'],
  ),
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** The flag of a name. A name that starts in another script gets one of the letters, always the same. */
export function flagOf(name: string): SignalFlag {
  const first = name.normalize('NFKD').charAt(0).toUpperCase()
  return FLAGS[first] ?? (FLAGS[otherLetter(name)] as SignalFlag)
}

function otherLetter(name: string): string {
  let sum = 0
  for (let i = 0; i < name.length; i++) sum = (sum * 31 + name.charCodeAt(i)) >>> 0
  return LETTERS.charAt(sum % LETTERS.length)
}
