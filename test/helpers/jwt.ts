import { createHmac } from 'node:crypto'
import { noteToken } from './evidence.js'

/** A key that is long enough. */
export const JWT_SECRET = 'a key of no less than thirty-two bytes'

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * Signs claims with HS256, by nothing but Node, so that what is checked is not also the judge.
 * @param expiresIn seconds from now; negative for a token that has expired
 */
export function signToken(claims: object, expiresIn = 60, secret = JWT_SECRET): string {
  const exp = Math.floor(Date.now() / 1000) + expiresIn
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ exp, ...claims })}`
  return noteToken(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`)
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}
