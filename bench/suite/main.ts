import { measure } from './measure.js'
import { HELP, readOptions } from './options.js'
import { saveResults } from './results.js'

// So that what was started is ended too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  const options = readOptions(process.argv.slice(2))
  if (!options) console.log(HELP)
  else await measure(options, (result) => options.save && saveResults([result]))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
