import { type ConfigKey, settings, variableOf } from '../config.js'
import { errors } from '../errors.js'
import { CloseCode, shouldReconnect } from '../protocol/close-codes.js'
import { ERROR_CODES } from '../protocol/error-codes.js'

/** Pages of `docs/` that are written from the code, so that they cannot say anything else. */

const GENERATED = 'Written by `npm run docs`; change the code instead.'

/** `docs/configuration.md`: every setting. */
export function configurationPage(): string {
  const rows = settings.map(([key, setting]) => {
    const unit = setting.unit === undefined ? '' : ` (${setting.unit})`
    const value = escapeCell(defaultOf(key))
    return `| \`${variableOf(key)}\` | ${value} | ${escapeCell(setting.description)}${unit} |`
  })
  return `# Settings

<!-- ${GENERATED} -->

Environment variables, or lines of a \`.env\` file in the working folder. A value that does not fit
stops the start with one line that names the setting, what is wrong and an example. An empty value
counts as not set. In the embedded plugin the same settings are options in camel case:
\`MAX_MESSAGE_BYTES\` is \`maxMessageBytes\`.

| setting | default | meaning |
| --- | --- | --- |
${rows.join('\n')}
`
}

/** `.env.example`: every setting, commented out, with an example. */
export function envExample(): string {
  const entries = settings.map(([key, setting]) => {
    const { description, example } = setting
    return `# ${description}\n# Default: ${defaultOf(key).replaceAll('`', '')}\n#${variableOf(key)}=${example}\n`
  })
  return `# Settings of Parley. Copy to .env and change what should differ from the defaults.\n# ${GENERATED}\n\n${entries.join('\n')}`
}

/** `docs/errors.md`: every error code and close code. */
export function errorsPage(): string {
  const wire = new Set<string>(ERROR_CODES)
  const codes = Object.entries(errors).map(([code, { status, meaning, remedy }]) => {
    const places = [wire.has(code) && '`error` event', status !== undefined && `HTTP ${status}`]
    return `### \`${code}\`\n\n${places.filter(Boolean).join(', ')}. ${meaning}\n\n**What to do:** ${remedy}\n`
  })
  const closes = Object.entries(CloseCode).map(
    ([name, code]) => `| ${code} | \`${name}\` | ${shouldReconnect(code) ? 'yes' : 'no'} |`,
  )
  return `# Errors

<!-- ${GENERATED} -->

An error code is part of the protocol and does not change its meaning. On WebSocket it comes in an
\`error\` event with the \`id\` of the action; on HTTP in Fastify’s shape \`{statusCode, code, error, message}\`.
The message is for people and may change.

${codes.join('\n')}
## Close codes

Whether a client should connect again follows from the number: 1001, 1006, 1011–1014 and 4000–4499
say yes, everything else says no.

| code | name | reconnect |
| --- | --- | --- |
${closes.join('\n')}
`
}

function defaultOf(key: ConfigKey): string {
  const setting = settings.find(([name]) => name === key)?.[1]
  if (setting?.defaultText !== undefined) return setting.defaultText
  const value = setting?.default
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none'
  return `\`${String(value)}\``
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|')
}
