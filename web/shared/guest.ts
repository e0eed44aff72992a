import { endpoints } from './endpoints.js'
import { HttpError, requestJson } from './http.js'

/** A token that the service gives to anyone who asks, where its operator lets it. */
export interface GuestPass {
  readonly token: string
  readonly user: string
  /** When the token expires, milliseconds since 1970, server clock. */
  readonly expires: number
}

/**
 * Asks for a guest's token. With the token of before, the guest stays the same user: only then does
 * the service recognise a message that was sent again. Rejects with `HttpError` or `Unreachable`.
 */
export async function guestPass(nick: string, before?: string): Promise<GuestPass> {
  const ask = (token?: string) =>
    requestJson(endpoints.guests(), { method: 'POST', body: { nick }, token })
  const pass = await ask(before).catch((error: unknown) => {
    const refused = error instanceof HttpError && error.status === 401
    if (refused && before !== undefined) return ask()
    throw error
  })
  return pass as GuestPass
}
