import { signToken } from '../../helpers/jwt.js'
import type { ListeningApp } from '../../helpers/listening-app.js'
import { StreamClient } from '../../helpers/stream-client.js'
import { must, type Target } from '../target.js'

/** How often others are asked whether they are disturbed. */
const ASK_EVERY = 50

/** What a post may be answered with. */
const STATUSES = new Set([202, 400, 404, 409, 413, 415, 429, 431])

/** With what a stream may be closed for what is posted to it. */
const CLOSE_CODES = new Set([4029, 4502])

/**
 * Posts to an open stream. The first line is what follows `?connection=…` in the address, the second
 * the content type, the rest the body.
 */
export function postsTarget({ app, port, bystander }: ListeningApp): Target {
  const url = `http://127.0.0.1:${port}`
  const token = signToken({ sub: 'ann' }, 3600)
  let stream: StreamClient | undefined
  let ended: { code: number } | undefined
  let runs = 0

  async function open(): Promise<StreamClient> {
    const opened = new StreamClient({ url, token })
    ended = undefined
    void opened.closed.then((end) => {
      ended = end ?? { code: 0 }
    })
    await opened.event('welcome')
    return opened
  }

  return {
    guided: [],
    async run(input) {
      stream ??= await open()
      const [query = '', type = ''] = input.toString('latin1').split('\n', 2)
      const body = input.subarray(query.length + type.length + 2)
      const address = `${url}/chat/actions?connection=${stream.connection}${encodeURI(query)}`
      const contentType = type.replace(/[^\x20-\x7e]/g, '').trim()
      const headers = {
        authorization: `Bearer ${token}`,
        ...(contentType !== '' && { 'content-type': contentType }),
      }
      const response = await fetch(address, { method: 'POST', body, headers })
      const answer = await response.text()
      must(STATUSES.has(response.status), `${response.status} ${answer}`)
      const { received, code } = JSON.parse(answer)
      must(response.ok ? Number.isSafeInteger(received) : typeof code === 'string', answer)
      must(!answer.includes(token), 'a token was sent back')
      if (app.connections.get(stream.connection) === undefined) {
        await stream.closed
        must(CLOSE_CODES.has(ended?.code ?? -1), `closed with ${ended?.code}`)
        stream = undefined
      }
      if (++runs % ASK_EVERY > 0) return
      must(await bystander.chats(), 'the bystander was disturbed')
    },
    async close() {
      stream?.terminate()
    },
  }
}
