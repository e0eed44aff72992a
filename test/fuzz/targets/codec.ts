import { isDeepStrictEqual } from 'node:util'
import { ACTION_NAMES } from '../../../src/protocol/actions.js'
import { decodeAction, Malformed } from '../../../src/protocol/codec.js'
import { encodeMessage, encodeSignal, withEpoch } from '../../../src/protocol/encode.js'
import { must, type Target } from '../target.js'

/** What a client may write into a text message. */
export function codecTarget(): Target {
  return {
    guided: ['/src/protocol/'],
    run(input) {
      const text = input.toString()
      const action = decodeAction(text)
      if (action instanceof Malformed) {
        must(action.message.length < 300, 'an error quotes what was sent')
        must(action.id === undefined || text.length > action.id.length, 'an id out of nowhere')
        return
      }
      must(ACTION_NAMES.includes(action.action), 'an action that is none')
      must(Object.getPrototypeOf(action) === Object.prototype, 'a prototype came along')
      const payload = 'msg' in action ? { msg: JSON.parse(action.msg) } : {}
      const again = decodeAction(JSON.stringify({ ...action, ...payload }))
      // JSON knows no −0 and keeps no doubled key: what was decoded is compared, not the text.
      must(!(again instanceof Malformed), 'an action that is none when it is sent on')
      if (action.action !== 'send_to_room') return
      const { id, room, msg } = action
      must(!/[\n\r]/.test(msg), 'a payload with a line break')
      const sent = encodeMessage({ room, offset: 7, id, user: room, nick: room, msg, time: 5 })
      const expected = { event: 'message', room, offset: 7, id, user: room, nick: room, time: 5 }
      const value = JSON.parse(msg)
      const asSent = JSON.stringify(JSON.parse(text).msg)
      must(JSON.stringify(value) === asSent, 'a payload was altered')
      must(
        isDeepStrictEqual(JSON.parse(sent), { ...expected, msg: value }),
        'a message was altered',
      )
      const first = JSON.parse(withEpoch(sent, 'e"'))
      must(isDeepStrictEqual(first, { ...expected, epoch: 'e"', msg: value }), 'an epoch did harm')
      const signal = JSON.parse(encodeSignal({ room, user: room, nick: room, msg }))
      must(isDeepStrictEqual(signal.msg, value), 'a signal was altered')
    },
  }
}
