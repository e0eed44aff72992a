import type { ActionTable } from './action.js'
import { auth } from './auth.js'
import { history } from './history.js'
import { join } from './join.js'
import { leave } from './leave.js'
import { members } from './members.js'
import { ping } from './ping.js'
import { sendToRoom } from './send-to-room.js'
import { sendToUser } from './send-to-user.js'
import { signal } from './signal.js'

/** Every action of the protocol. */
export const actions = {
  join,
  leave,
  send_to_room: sendToRoom,
  send_to_user: sendToUser,
  signal,
  history,
  members,
  auth,
  ping,
} as const satisfies ActionTable
