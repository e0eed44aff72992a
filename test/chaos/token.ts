import { createHmac } from 'node:crypto'
import { noteToken } from '../helpers/evidence.js'

/** The key of the servers under test. */
export const SECRET = 'chaos-chaos-chaos-chaos-chaos-chaos-chaos'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token for a user that expires after so many seconds. */
export function signToken(user: string, seconds: number, claims: object = {}): string {
  const exp = Math.floor(Date.now() / 1000) + seconds
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, exp, ...claims })}`
  return noteToken(`${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`)
}
