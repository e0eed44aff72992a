import { ParleyError } from 'parley/client'
import { HttpError, Unreachable } from '../shared/http.js'
import { strings } from '../strings.js'
import { TokenRefused } from './identity.js'

/** Something went wrong: what, and what to do about it. */
export interface Problem {
  readonly title: string
  readonly remedy: string
}

/** Says an error in words that help. */
export function describe(error: unknown): Problem {
  const { problems } = strings
  if (error instanceof TokenRefused) return problems.tokenRefused
  if (error instanceof Unreachable) return problems.serverAway
  if (error instanceof HttpError) {
    if (error.status === 403 || error.status === 404) return problems.noGuests
    if (error.status === 429 || error.status === 503) return problems.busy
    return problems.refused(error.message)
  }
  if (error instanceof ParleyError && error.code in problems.byCode) {
    return problems.byCode[error.code as keyof typeof problems.byCode]
  }
  return problems.refused(error instanceof Error ? error.message : String(error))
}

/** Says why the server ended a connection for good. */
export function describeClose(code: number | undefined, reason: string | undefined): Problem {
  const { byCloseCode, closed } = strings.problems
  if (code !== undefined && code in byCloseCode) {
    return byCloseCode[code as unknown as keyof typeof byCloseCode]
  }
  return closed(code, reason)
}
