import { signal } from '@preact/signals'
import { HttpError } from '../shared/http.js'
import { tabMemory } from '../shared/storage.js'
import { AdminApi } from './api.js'
import { words } from './words.js'

const KEY = 'admin-token'

const kept = tabMemory.get(KEY)

/** What the reader may do here; undefined until they signed in. */
export const session = signal<AdminApi | undefined>(
  typeof kept === 'string' ? new AdminApi(kept) : undefined,
)

/** Why the last session ended or could not begin. */
export const refusal = signal('')

/** Tries a token, and keeps it for this tab when it opens the door. */
export async function signIn(token: string): Promise<void> {
  const api = new AdminApi(token)
  refusal.value = ''
  try {
    await api.nodes()
    tabMemory.set(KEY, token)
    session.value = api
  } catch (error) {
    refusal.value = reasonOf(error)
  }
}

export function signOut(reason = ''): void {
  tabMemory.set(KEY, undefined)
  refusal.value = reason
  session.value = undefined
}

/** Ends the session when an answer says that the token is good no longer. */
export function noteFailure(error: unknown): void {
  if (error instanceof HttpError && (error.status === 401 || error.status === 403)) {
    signOut(reasonOf(error))
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof HttpError)) return words.signIn.away
  return error.status === 403 ? words.signIn.forbidden : words.signIn.refused + error.message
}
