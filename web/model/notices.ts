/** Who came and went between two messages. */
export interface Notice {
  readonly id: number
  /** Offset of the message that it stands behind. */
  readonly after: number
  readonly joined: readonly Person[]
  readonly left: readonly Person[]
}

export interface Person {
  readonly user: string
  readonly nick: string
}

/** Most notices that a room keeps; the oldest go first. */
const NOTICE_LIMIT = 50

/** Most people that one notice names, either way. */
const PEOPLE_LIMIT = 20

/**
 * Notes that someone came or went. What happens between the same two messages becomes one notice;
 * someone who left and came back in between is not worth a word.
 */
export function note(
  notices: readonly Notice[],
  what: 'joined' | 'left',
  person: Person,
  after: number,
): readonly Notice[] {
  const last = notices.at(-1)
  const open = last?.after === after ? last : undefined
  const rest = open === undefined ? notices : notices.slice(0, -1)
  const id = open?.id ?? (last?.id ?? 0) + 1
  const undone = what === 'joined' ? 'left' : 'joined'
  const before: Notice = open ?? { id, after, joined: [], left: [] }
  const others = before[undone].filter(({ user }) => user !== person.user)
  const cancels = others.length < before[undone].length
  const same = before[what].filter(({ user }) => user !== person.user)
  const next: Notice = {
    ...before,
    [undone]: others,
    [what]: cancels ? same : [...same, person].slice(-PEOPLE_LIMIT),
  }
  if (next.joined.length + next.left.length === 0) return rest
  return [...rest, next].slice(-NOTICE_LIMIT)
}
