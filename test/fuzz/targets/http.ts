import { signToken } from '../../helpers/jwt.js'
import type { ListeningApp } from '../../helpers/listening-app.js'
import { RawConnection } from '../../helpers/raw-connection.js'
import { must, type Target } from '../target.js'

/** How often others are asked whether they are disturbed. */
const ASK_EVERY = 50

/**
 * The bytes of HTTP requests, handshakes among them, sent to a server. `{token}` stands for the
 * token of a user, `{admin}` for one that may do everything, `{length}` for what is left in bytes.
 */
export function httpTarget({ app, server, bystander }: ListeningApp): Target {
  const token = signToken({ sub: 'ann' }, 3600)
  const admin = signToken({ sub: 'root', scope: 'admin publish' }, 3600)
  let runs = 0
  return {
    guided: [],
    async run(input) {
      const text = input
        .toString('latin1')
        .replaceAll('{token}', token)
        .replaceAll('{admin}', admin)
        .replace(/\{length\}((?:.|\n)*?\r\n\r\n)((?:.|\n)*)$/, (_, head, body) => {
          return `${body.length}${head}${body}`
        })
      const raw = await RawConnection.open(server)
      // As one piece, or in two with a turn of the server's between them.
      const bytes = Buffer.from(text, 'latin1')
      const half = runs % 2 === 0 ? bytes.length : bytes.length >> 1
      raw.write(bytes.subarray(0, half))
      if (half < bytes.length) {
        await new Promise(setImmediate)
        raw.write(bytes.subarray(half))
      }
      raw.socket.end()
      const answer = await raw.toEnd()
      must(answer === '' || answer.startsWith('HTTP/1.1 '), 'the answer is no HTTP')
      must(!/^HTTP\/1\.1 5(?!03)/m.test(answer), `the server failed: ${answer.slice(0, 500)}`)
      must(!answer.includes(token) && !answer.includes(admin), 'a token was sent back')
      if (answer.startsWith('HTTP/1.1 101')) must(/13\r\n/.test(text), 'a wrong version was taken')
      if (++runs % ASK_EVERY > 0) return
      must(await bystander.chats(), 'the bystander was disturbed')
      while (app.connections.size > 1) await new Promise(setImmediate)
    },
  }
}
