/** Someone who is writing, and until when that is believed without hearing more. */
export interface Typist {
  readonly user: string
  readonly nick: string
  /** Milliseconds since 1970. */
  readonly until: number
}

/** How often a writer says that they go on writing, in milliseconds. */
export const TYPING_EVERY = 3000

/** How long that is believed, in milliseconds. */
export const TYPING_LASTS = 5000

/** Most writers that a room keeps track of. */
const TYPIST_LIMIT = 20

/** What travels as a room's signal. */
export interface TypingSignal {
  readonly typing: boolean
}

export function isTypingSignal(msg: unknown): msg is TypingSignal {
  return (
    typeof msg === 'object' && msg !== null && 'typing' in msg && typeof msg.typing === 'boolean'
  )
}

/** Notes that someone writes, or stopped. */
export function noteTyping(
  typists: readonly Typist[],
  person: { readonly user: string; readonly nick: string },
  typing: boolean,
  now: number,
): readonly Typist[] {
  const others = typists.filter((t) => t.user !== person.user && t.until > now)
  if (!typing) return others
  const typist = { user: person.user, nick: person.nick, until: now + TYPING_LASTS }
  return [...others, typist].slice(-TYPIST_LIMIT)
}

/** Those who are still believed to be writing. */
export function stillTyping(typists: readonly Typist[], now: number): readonly Typist[] {
  return typists.filter(({ until }) => until > now)
}
