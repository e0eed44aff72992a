import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.js'
import { readConfig } from './env.js'
import { exitWithReason } from './exit.js'

/** Beyond the drain: for the log to be flushed and the process to end by itself, milliseconds. */
const CLOSE_MARGIN = 10_000

/**
 * Signals of a fault in native code. Caught, they would not end the process but come again and
 * again from the same instruction: it would hang at full load, and nobody would restart it.
 */
const FAULTS = ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGABRT'] as const

await serve().catch(exitWithReason)

/** The process: settings, application, listening, and an end with grace. */
async function serve(): Promise<void> {
  const config = readConfig()
  const app = await buildApp(config)
  const delay = config.drainSeconds * 1000 + CLOSE_MARGIN
  let closing = false
  // With TLS, SIGHUP reads the certificate again; see plugins/tls.ts.
  const skip = config.tlsCertFile === undefined ? FAULTS : [...FAULTS, 'SIGHUP' as const]
  const options = { delay, logger: app.log, skip: [...skip] }
  const { close } = closeWithGrace(options, async ({ err }) => {
    closing = true
    if (err) app.log.fatal({ err }, 'stopping after an error')
    await app.parley.drain()
    await app.close()
  })
  // POST /drain ends the process as a signal does.
  void app.parley.drainStarted.then(() => closing || close())
  if (config.tlsCertFile !== undefined) process.on('SIGHUP', () => app.reloadCertificate())
  await app.listen({ host: config.host, port: config.port })
  const url = app.listeningOrigin.replace('0.0.0.0', 'localhost')
  app.log.info({ url }, `Parley is ready at ${url}`)
}
