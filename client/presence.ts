import type { Joined, Left, Member } from '../src/protocol/events.js'

/** Members that are kept by name; a room's `count` counts them all. */
const LONGEST_LIST = 1000

/** The list of members after someone came, came back under another nick, or went. */
export function membersAfter(list: readonly Member[], event: Joined | Left): readonly Member[] {
  const { user, nick } = event
  const others = list.filter((member) => member.user !== user)
  if (event.event === 'joined') others.push({ user, nick })
  return others.slice(0, LONGEST_LIST)
}
