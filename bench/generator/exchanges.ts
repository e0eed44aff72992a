import { Connection, openAll } from './connection.js'
import { costNow, pause, report, warmUp, windowEnd } from './cost.js'
import { buildFrame, Op } from './frames.js'
import { nowMicros } from './member.js'
import type { Plan } from './plan.js'

/** Echo: each connection keeps so many messages in flight, which must come back unchanged. */
export async function echo(plan: Plan) {
  const latencies: number[] = []
  const inFlight = plan.number('in_flight', 1)
  const [head = '', tail = ''] = plan.text('publish').split('{body}')
  const size = plan.number('payload', 128)
  let [running, measuring, echoed, wrong, closed] = [true, false, 0, 0, 0]
  const sent: number[] = []
  const back: number[] = []
  const text = (n: number) => `${String(n).padStart(16, '0')}`
  const send = (connection: Connection) => {
    const n = sent[connection.index] as number
    sent[connection.index] = n + 1
    const body = `${text(n)}${text(nowMicros())}`.padEnd(size, 'x')
    connection.send(buildFrame(Op.text, Buffer.from(`${head}${body}${tail}`)))
  }
  const connections = Array.from({ length: plan.number('connections', 1) }, (_, index) => {
    sent.push(0)
    back.push(0)
    return new Connection(plan, index, 1, {
      message(connection, { payload }) {
        const n = back[index] as number
        back[index] = n + 1
        const body = payload.toString('latin1', head.length)
        if (!body.startsWith(text(n)) || body.length !== size + tail.length) wrong++
        echoed++
        if (measuring) latencies.push((nowMicros() - Number(body.slice(16, 32))) / 1000)
        if (running) send(connection)
      },
      closed: () => closed++,
    })
  })
  await openAll(plan, connections)
  for (let i = 0; i < inFlight; i++) connections.forEach(send)
  await warmUp(plan)
  measuring = true
  const before = echoed
  const from = costNow(plan)
  const to = await windowEnd(plan, from)
  const frames = echoed - before
  running = measuring = false
  const missing = () => sent.reduce((total, n, i) => total + n - (back[i] as number), 0)
  const until = performance.now() + plan.number('patience', 20) * 1000
  while (missing() > 0 && performance.now() < until) await pause(0.05)
  const faults = { wrong, missing: missing(), closed }
  return { ...report(plan, from, to, frames, latencies), faults }
}

/** Handshakes: connections are opened and dropped again, so many at a time. */
export async function handshakes(plan: Plan) {
  let [running, done] = [true, 0]
  const again = (connection: Connection) => {
    done++
    setImmediate(() => {
      connection.drop()
      if (running) connection.open()
    })
  }
  for (let index = 0; index < plan.number('connections', 1); index++) {
    new Connection(plan, index, 1, { live: again }).open()
  }
  await warmUp(plan)
  const before = done
  const from = costNow(plan)
  const to = await windowEnd(plan, from)
  running = false
  return { ...report(plan, from, to, done - before), faults: {} }
}
