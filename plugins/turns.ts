import fp from 'fastify-plugin'
import { Turns } from '../src/turns.js'

/**
 * Requests and handshakes that begin in one turn of the event loop. One costs up to a third of a
 * millisecond, and whoever chats waits for all that come before its own turn, two or three times
 * a message.
 */
const PER_TURN = 8

/** Lets a burst of requests begin some at a time; see docs/decisions/0036-turns.md. */
export default fp(
  async (fastify) => {
    const turns = new Turns(PER_TURN)
    fastify.addHook('onRequest', (_request, _reply, done) => turns.run(done))
  },
  { name: 'parley-turns', fastify: '5.x' },
)
