import type { FastifyBaseLogger, LogLevel } from 'fastify'

/** Levels that let less through than `warn`. */
const QUIETER = ['error', 'fatal', 'silent'] as const

/**
 * Log level of a route whose every request would otherwise be two lines: probes, and handshakes,
 * which have lines of their own. Never lets more through than the application's own level.
 */
export function quietLevel({ level }: FastifyBaseLogger): LogLevel {
  return QUIETER.find((quieter) => quieter === level) ?? 'warn'
}
