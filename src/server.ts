import { existsSync } from 'node:fs'
import { loadEnvFile } from 'node:process'
import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.js'
import { ConfigError, configFromEnv } from './config.js'

/** Beyond the drain: for the log to be flushed and the process to end by itself. */
const CLOSE_MARGIN = 10_000

await serve()

/** The process: settings, application, listening, and an end with grace. */
async function serve(): Promise<void> {
  try {
    if (existsSync('.env')) loadEnvFile()
    const config = configFromEnv(process.env)
    const app = await buildApp(config)
    const delay = config.drainSeconds * 1000 + CLOSE_MARGIN
    closeWithGrace({ delay, logger: app.log }, async ({ err }) => {
      if (err) app.log.fatal({ err }, 'stopping after an error')
      await app.parley.drain()
      await app.close()
    })
    await app.listen({ host: config.host, port: config.port })
    const url = app.listeningOrigin.replace('0.0.0.0', 'localhost')
    app.log.info({ url }, `Parley is ready at ${url}`)
  } catch (error) {
    // A start that fails says why in one line; the stack only helps with what is not foreseen.
    const foreseen =
      error instanceof ConfigError || (error as { code?: string }).code === 'EADDRINUSE'
    process.stderr.write(
      `parley: ${foreseen ? (error as Error).message : (error as Error).stack}\n`,
    )
    process.exit(1)
  }
}
