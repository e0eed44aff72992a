import { text } from 'node:stream/consumers'
import { chat, idle } from './chat.js'
import { echo, handshakes } from './exchanges.js'
import { Plan } from './plan.js'

/**
 * The load generator in JavaScript, for where there is no C compiler: the same plan on stdin, the
 * same line of JSON on stdout. It costs more than some servers do, and may be the limit.
 */
const works: Record<string, (plan: Plan) => Promise<object>> = { chat, echo, idle, handshakes }

const plan = new Plan(await text(process.stdin))
const work = works[plan.text('work')]
if (!work) throw new Error(`unknown work: ${plan.text('work')}`)
process.stdout.write(`${JSON.stringify(await work(plan))}\n`, () => process.exit())
