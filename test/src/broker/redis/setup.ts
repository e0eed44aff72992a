import type { Test } from 'tap'
import { type Broker, type NewMessage, StoreUnavailable } from '../../../../src/broker/broker.js'
import { createRedisBroker } from '../../../../src/broker/redis/redis.js'
import { systemClock } from '../../../../src/clock.js'
import { Recorder } from '../../../contract/recorder.js'
import { RedisServer } from '../../../helpers/redis.js'

export const READ = { limit: 1000, maxLength: 1_000_000 }

export async function startRedis(t: Test, settings: string[] = []): Promise<RedisServer> {
  const redis = await RedisServer.start(settings)
  t.teardown(() => redis.stop())
  return redis
}

export async function startReplicated(t: Test) {
  const primary = await startRedis(t)
  const replica = await startRedis(t, ['--replicaof', `127.0.0.1 ${primary.port}`])
  await until(async () => /master_link_status:up/.test(String(await replica.send('INFO'))))
  return { primary, replica }
}

export async function startNode(
  t: Test,
  urls: string[],
  waitReplicas = 0,
): Promise<{ broker: Broker; heard: Recorder }> {
  const broker = createRedisBroker({
    urls,
    waitReplicas,
    clock: systemClock,
    historyMessages: 1000,
    historySeconds: 3600,
  })
  const heard = new Recorder()
  await broker.start(heard)
  t.teardown(() => broker.close())
  return { broker, heard }
}

/** Appends as a client does: what is refused is sent again under the same id. */
export async function appendAll(broker: Broker, from: number, to: number): Promise<void> {
  for (const n of range(from, to)) {
    for (;;) {
      try {
        await broker.append('r', message(n))
        break
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}

export async function ids(broker: Broker): Promise<string[]> {
  const { messages } = await broker.read('r', READ)
  return messages.map(({ json }) => JSON.parse(json).id)
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

export function message(n: number): NewMessage {
  return { id: `m${n}`, user: 'ann', nick: 'Ann', msg: String(n) }
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
