import { signal } from '@preact/signals'
import { endpoints } from '../shared/endpoints.js'
import { type GuestPass, guestPass } from '../shared/guest.js'
import { HttpError, requestJson } from '../shared/http.js'
import { remembered, tabMemory } from '../shared/storage.js'

/** Who the reader is: a guest with a token that the page renews, or the bearer of a given token. */
export type Identity =
  | ({ readonly kind: 'guest'; readonly nick: string } & GuestPass)
  | { readonly kind: 'token'; readonly nick: string | undefined; readonly token: string }

const KEY = 'parley:identity'
const NICK_KEY = 'parley:nick'

/** A guest's token that expires sooner than this is renewed before it is used, in milliseconds. */
const SOON = 2000

/** The token cannot be renewed here: someone must give the page another one. */
export class TokenRefused extends Error {}

/** Undefined until the reader has said who they are. */
export const identity = signal<Identity | undefined>(recall())

/** The nick of the last visit, or an empty string. */
export function lastNick(): string {
  const nick = remembered.get(NICK_KEY)
  return typeof nick === 'string' ? nick : ''
}

/** Rejects as `guestPass` does. */
export async function enterAsGuest(nick: string): Promise<void> {
  become({ kind: 'guest', nick, ...(await guestPass(nick)) })
}

/** Rejects with `TokenRefused`, `HttpError` or `Unreachable`. */
export async function enterWithToken(token: string): Promise<void> {
  await check(token)
  become({ kind: 'token', nick: undefined, token })
}

export function rename(nick: string): void {
  if (identity.value !== undefined) become({ ...identity.value, nick })
}

export function forget(): void {
  identity.value = undefined
  remembered.set(KEY, undefined)
  tabMemory.set(KEY, undefined)
}

/** The token for the client library. Rejects with `TokenRefused`, or as `guestPass` does. */
export async function tokenFor(reason: 'first' | 'expiring' | 'refused'): Promise<string> {
  const self = identity.value
  if (self === undefined) throw new TokenRefused('signed out')
  if (self.kind === 'token') {
    if (reason === 'refused') await check(self.token)
    return self.token
  }
  if (reason === 'first' && self.expires - SOON > Date.now()) return self.token
  const pass = await guestPass(self.nick, self.token)
  if (identity.value !== undefined)
    become({ ...self, nick: identity.value.nick ?? self.nick, ...pass })
  return pass.token
}

/** A browser is not told why a handshake failed, so a plain request asks. */
async function check(token: string): Promise<void> {
  await requestJson(`${endpoints.rooms()}?limit=1`, { token }).catch((error: unknown) => {
    if (error instanceof HttpError && error.status === 401) throw new TokenRefused(error.message)
    throw error
  })
}

/** The user that a token speaks for, as far as the page can read it. */
export function subjectOf(token: string): string {
  try {
    const part = token.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')))
    return String((claims as { sub?: unknown }).sub)
  } catch {
    return 'unknown'
  }
}

/** A guest is remembered for the next visit; a given token only as long as the tab is open. */
function become(next: Identity): void {
  identity.value = next
  if (next.nick !== undefined) remembered.set(NICK_KEY, next.nick)
  if (next.kind === 'guest') remembered.set(KEY, next)
  else tabMemory.set(KEY, next)
}

function recall(): Identity | undefined {
  const stored = (tabMemory.get(KEY) ?? remembered.get(KEY)) as Identity | null
  if (typeof stored?.token !== 'string') return undefined
  return stored
}
