import { serverFrames } from '../../helpers/frames.js'
import type { ListeningApp } from '../../helpers/listening-app.js'
import { RawWebSocket } from '../../helpers/raw-websocket.js'
import { must, type Target } from '../target.js'

const ASK_EVERY = 50

/** The bytes after a handshake on `/chat` or `/ws`, in one piece or many. */
export function framesTarget({ app, server, bystander }: ListeningApp): Target {
  let runs = 0
  return {
    guided: [],
    async run(input) {
      runs++
      const socket = await RawWebSocket.open(server, runs % 2 ? '/chat' : '/ws')
      const { raw } = socket
      const step = runs % 3 === 0 ? Math.max(1, input.length >> 3) : input.length
      for (let at = 0; at < input.length; at += step) {
        raw.write(input.subarray(at, at + step))
        if (step < input.length) await new Promise(setImmediate)
      }
      raw.socket.end()
      await raw.closed
      const { frames } = serverFrames(raw.received)
      for (const { opcode, payload } of frames) {
        must([1, 2, 8, 10].includes(opcode), `opcode ${opcode}`)
        if (runs % 2 && opcode === 1) must(!!JSON.parse(payload.toString()).event, 'no event')
      }
      if (runs % ASK_EVERY > 0) return
      must(await bystander.chats(), 'the bystander was disturbed')
      while (app.connections.size > 1) await new Promise(setImmediate)
    },
  }
}
