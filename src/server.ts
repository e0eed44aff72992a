import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.js'
import { workerCount } from './cluster/worker-count.js'
import { WorkerProcess } from './cluster/worker-process.js'
import type { Config } from './config.js'
import { readConfig, workerNumber } from './env.js'
import { CLOSE_MARGIN, COORDINATED, exitWithReason, FAULTS, ownSignals } from './exit.js'

await start().catch(exitWithReason)

/** The process: alone, one of several workers, or the one that starts these. */
async function start(): Promise<void> {
  const config = readConfig()
  const number = workerNumber()
  const workers = workerCount(config.workers)
  if (number !== undefined) await serve(config, new WorkerProcess(number, !config.redisUrl.length))
  else if (workers === 1) await serve(config)
  else await (await import('./primary.js')).serveWithWorkers(config, workers)
}

/** Settings, application, listening, and an end with grace. */
async function serve(config: Config, worker?: WorkerProcess): Promise<void> {
  const app = await buildApp(config, {}, worker)
  const delay = config.drainSeconds * 1000 + CLOSE_MARGIN
  let closing = false
  const skip = [...FAULTS, ...(worker ? COORDINATED : ownSignals(config))]
  const { close } = closeWithGrace({ delay, logger: app.log, skip }, async ({ err }) => {
    closing = true
    if (err) app.log.fatal({ err }, 'stopping after an error')
    await app.parley.drain()
    await app.close()
  })
  const end = () => void (closing || close())
  worker?.onStop(end)
  // POST /drain ends the process as a signal does.
  void app.parley.drainStarted.then(() => {
    worker?.drainStarted()
    end()
  })
  if (config.tlsCertFile !== undefined) process.on('SIGHUP', () => app.reloadCertificate())
  await app.listen({ host: config.host, port: config.port })
  const url = app.listeningOrigin.replace('0.0.0.0', 'localhost')
  if (worker) worker.ready(url)
  else app.log.info({ url }, `Parley is ready at ${url}`)
}
