import Type from 'typebox'
import { MAX_ID_LENGTH, MAX_NAME_LENGTH } from './limits.js'
import { rule } from './rule.js'

/**
 * What no name may hold: control characters, lone surrogates, line separators, and the
 * bidirectional controls with which one name can be made to look like another
 * (Unicode TR 36, section 3.1). Joiners stay allowed: emoji and several scripts need them.
 */
const FORBIDDEN =
  '\\p{Cc}\\p{Cs}\\u2028\\u2029\\u061C\\u200E\\u200F\\u202A-\\u202E\\u2066-\\u2069\\uFEFF'

const namePattern = (length: number) => `^(?!\\s)[^${FORBIDDEN}]{1,${length}}(?<!\\s)$`

const nameRule = (length: number) =>
  `a string of 1 to ${length} characters, without control or bidirectional characters or white space at its ends`

const name = (what: string, length: number) =>
  Type.String({ pattern: namePattern(length), description: what, ...rule(nameRule(length)) })

/** A room's name. Names are compared as they are: no case folding, no normalisation. */
export const RoomName = name('Room name', MAX_NAME_LENGTH)

/** A user's id: the token's `sub`. */
export const UserId = name('User id', MAX_NAME_LENGTH)

/** The name that others see. */
export const Nick = name('Name that others see', MAX_NAME_LENGTH)

/** The client's own id of an action; for `send_to_room` also the idempotency key. */
export const ActionId = name('Id chosen by the client', MAX_ID_LENGTH)
