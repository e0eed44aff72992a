import { findToken } from '../../../src/auth/token-source.js'
import { ParleyError } from '../../../src/errors.js'
import { signToken } from '../../helpers/jwt.js'
import type { ListeningApp } from '../../helpers/listening-app.js'
import { must, type Target } from '../target.js'

const FOREIGN = 'another key, also of thirty-two bytes'

/** Tokens, and the header fields in which they travel. `{token}` stands for one that is good. */
export function tokensTarget({ app }: ListeningApp): Target {
  const good = signToken({ sub: 'ann', rooms: ['a', 'b*'], scope: 'x' }, 3600)
  const foreign = signToken({ sub: 'eve', scope: 'admin' }, 3600, FOREIGN)
  return {
    guided: ['/src/auth/', '/plugins/tokens', '/plugins/access', 'fast-jwt/src'],
    async run(input) {
      const text = input.toString('latin1').replaceAll('{token}', good).replaceAll('{eve}', foreign)
      await unauthorizedOr(async () => {
        const [authorization, subprotocols, cookie, query = ''] = text.split('\n')
        findToken({ authorization, subprotocols, cookie, query }, 'session')
      })
      await unauthorizedOr(async () => {
        const identity = await app.parley.verify(text)
        must(identity.user === 'ann', 'a token of nobody was taken')
        must(!identity.scopes.has('admin'), 'a token got more than it was given')
      })
    },
  }
}

async function unauthorizedOr(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof ParleyError && error.code === 'UNAUTHORIZED') return
    throw error
  }
}
