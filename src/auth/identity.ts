import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { ParleyError } from '../errors.js'
import { MAX_NAME_LENGTH } from '../protocol/limits.js'
import { Nick, UserId } from '../protocol/names.js'
import { rule, ruleOf } from '../protocol/rule.js'
import { fromGrants, type Grants, RoomsClaim, toGrants } from './grants.js'

/** Who a connection or request acts for, as its token says. */
export interface Identity {
  readonly user: string
  /** Default nick: the claim `name`, or the user id. */
  readonly nick: string
  /** When the token expires, milliseconds since 1970. */
  readonly expires: number
  /** When the token was issued, milliseconds since 1970, as far as it says. */
  readonly issued: number | undefined
  readonly grants: Grants
  readonly scopes: ReadonlySet<string>
  readonly tokenId: string | undefined
}

const claims = {
  sub: UserId,
  exp: Type.Number({ minimum: 0, maximum: 8.64e12, ...rule('seconds since 1970') }),
  iat: Type.Optional(Type.Number({ minimum: 0, maximum: 8.64e12, ...rule('seconds since 1970') })),
  name: Type.Optional(Nick),
  rooms: Type.Optional(RoomsClaim),
  scope: Type.Optional(Type.String({ maxLength: 1024, ...rule('space-separated words') })),
  jti: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_NAME_LENGTH,
      ...rule('a string of 1 to 128 characters'),
    }),
  ),
}
const checks = Object.entries(claims).map(([claim, schema]) => ({
  claim,
  words: ruleOf(schema),
  required: claim === 'sub' || claim === 'exp',
  validator: Compile(schema),
}))

/** Shared by all whose token has none. */
const NO_SCOPES: ReadonlySet<string> = new Set()

interface Claims {
  sub: string
  exp: number
  iat?: number
  name?: string
  rooms?: Parameters<typeof toGrants>[0]
  scope?: string
  jti?: string
}

/**
 * Reads the claims of a token whose signature and times were verified.
 * @throws {ParleyError} `UNAUTHORIZED`, naming the claim that does not fit.
 */
export function identityOf(payload: Record<string, unknown>): Identity {
  for (const { claim, words, required, validator } of checks) {
    if (payload[claim] === undefined && !required) continue
    if (!validator.Check(payload[claim])) {
      throw new ParleyError('UNAUTHORIZED', `the token's claim "${claim}" must be ${words}`)
    }
  }
  const { sub, exp, iat, name, rooms, scope, jti } = payload as unknown as Claims
  return {
    user: sub,
    nick: name ?? sub,
    // Both may be fractions (RFC 7519, section 2); on the wire they are whole milliseconds.
    expires: Math.floor(exp * 1000),
    issued: iat === undefined ? undefined : Math.floor(iat * 1000),
    grants: toGrants(rooms),
    scopes: scope ? new Set(scope.split(' ').filter((word) => word !== '')) : NO_SCOPES,
    tokenId: jti,
  }
}

/** The claims that give this identity: what a ticket keeps of a token. */
export function claimsOf(identity: Identity): Record<string, unknown> {
  const { user, nick, expires, issued, grants, scopes, tokenId } = identity
  return {
    sub: user,
    name: nick,
    exp: expires / 1000,
    iat: issued === undefined ? undefined : issued / 1000,
    rooms: fromGrants(grants),
    scope: [...scopes].join(' '),
    jti: tokenId,
  }
}
