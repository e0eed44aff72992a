import { measure } from './measure.js'
import { HELP, readOptions } from './options.js'

try {
  const options = readOptions(process.argv.slice(2))
  if (options) await measure(options)
  else console.log(HELP)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
