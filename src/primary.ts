import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import closeWithGrace from 'close-with-grace'
import Fastify, { type FastifyServerOptions } from 'fastify'
import { createBroker } from '../plugins/broker.js'
import { processMetrics } from '../plugins/metrics.js'
import { logger } from './app.js'
import { loadKeys } from './auth/keys.js'
import { LogOwner } from './broker/workers/owner.js'
import { systemClock } from './clock.js'
import { Supervisor } from './cluster/supervisor.js'
import type { Config } from './config.js'
import { CLOSE_MARGIN, FAULTS, ownSignals } from './exit.js'

/**
 * The process of `parley serve --workers`: it owns the embedded log, unless rooms are in Redis, and
 * starts the workers, which serve the clients. It ends with grace when it is told to or when a
 * worker is asked for a drain; when it is killed, its workers end.
 */
export async function serveWithWorkers(config: Config, workers: number): Promise<void> {
  const onDropped = (lines: number) => log.warn({ lines }, 'log lines were left out')
  const { log } = Fastify({ logger: logger(config, onDropped) } as FastifyServerOptions)
  const env = await settingsOfWorkers(config)
  const onError = (err: unknown, what: string) => log.error({ err }, what)
  const clock = systemClock
  const owner =
    config.redisUrl.length > 0
      ? undefined
      : new LogOwner({ broker: await createBroker(config, onError), clock, onError })
  await owner?.start()
  const supervisor = new Supervisor({
    workers,
    env,
    clock,
    log,
    serveLog: owner && ((socket) => owner.serve(socket)),
    measure: processMetrics('log'),
    onDrain: () => close(),
    onFailure: (reason) => close(reason),
  })
  const drainTime = config.drainSeconds * 1000 + CLOSE_MARGIN
  const delay = drainTime + CLOSE_MARGIN
  let closing = false
  const skip = [...FAULTS, ...ownSignals(config)]
  for (const signal of ownSignals(config)) process.on(signal, () => supervisor.signal(signal))
  const graceful = closeWithGrace({ delay, logger: log, skip }, async ({ err }) => {
    closing = true
    if (err) log.fatal({ err }, 'stopping after an error')
    await supervisor.stop(drainTime)
    await owner?.close()
    if (failure !== undefined) throw new Error(failure)
  })
  let failure: string | undefined
  const close = (reason?: string) => {
    if (closing) return
    failure = reason
    graceful.close()
  }
  try {
    const url = await supervisor.start()
    log.info({ url, workers }, `Parley is ready at ${url}`)
  } catch (error) {
    // Told to end amid the start: that is no failure.
    if (closing) return
    await owner?.close()
    throw error
  }
}

/** What the workers cannot find out each by itself: the key that was made, the port that is free. */
async function settingsOfWorkers(config: Config): Promise<Record<string, string>> {
  const settings: Record<string, string> = {}
  const [key] = loadKeys(config)
  if (key?.signs && config.jwtSecret.length === 0 && config.dataDir === ':memory:') {
    settings.JWT_SECRET = key.key
  }
  if (config.port === 0) settings.PORT = String(await freePort(config.host))
  return settings
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
