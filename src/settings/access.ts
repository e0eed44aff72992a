import Type from 'typebox'
import { flag, integer, list, MAX_COUNT, optional } from './kinds.js'

/** Who may come in: tokens, guests, origins. */
export const access = {
  jwtSecret: list({
    description:
      'HMAC keys, at least 32 bytes each, comma-separated for rotation: the first signs, all verify. In development a key is made and kept in `DATA_DIR`.',
    secret: true,
    example: 'the-output-of-openssl-rand-base64-33',
    defaultText: 'made in development',
  }),
  jwtSecretFile: optional({
    description: 'File with what `JWT_SECRET` would hold.',
    example: '/run/secrets/jwt',
  }),
  jwtPublicKeyFile: optional({
    description: 'PEM file with the public key that verifies tokens; nothing is signed then.',
    example: '/etc/parley/jwt.pem',
  }),
  jwtJwksUrl: Type.Optional(
    Type.String({
      pattern: '^(https://|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])[:/])',
      rule: 'an https address (http only on this machine)',
      description:
        'Where the issuer publishes its public keys (a JWK set). They are kept for ten minutes and fetched again, at most every ten seconds, when a token names another key.',
      example: 'https://login.example.com/.well-known/jwks.json',
    }),
  ),
  jwtAlgorithms: list({
    description: 'Algorithms that a token may be signed with.',
    defaultText: 'HS256; with a public key RS256, ES256 or EdDSA, as the key is',
    example: 'HS256',
  }),
  jwtIssuer: optional({
    description: 'Required `iss` of tokens.',
    example: 'https://login.example.com',
  }),
  jwtAudience: optional({ description: 'Required `aud` of tokens.', example: 'parley' }),
  revocationSeconds: integer(2_592_000, 60, MAX_COUNT, {
    description:
      'How long a revocation is remembered: at least as long as the longest-lived token is good for.',
    unit: 'seconds',
    example: '86400',
  }),
  jwtCookie: optional({
    description: 'Name of a cookie that may carry the token.',
    example: 'session',
  }),
  guests: Type.Optional(
    Type.Boolean({
      rule: 'true or false',
      description: 'Whether `POST /guests` gives anyone a short-lived token.',
      defaultText: 'true; false in production',
      example: 'true',
    }),
  ),
  guestTokenSeconds: integer(3600, 5, 86_400, {
    description: 'How long a guest’s token is good for.',
    unit: 'seconds',
    example: '600',
  }),
  allowedOrigins: list({
    description:
      'Origins besides the server’s own that browsers may connect from; `https://*.example.com` for subdomains, `*` for all.',
    defaultText: 'same origin',
    example: 'https://app.example.com,https://*.example.org',
  }),
  allowNoOrigin: flag(true, {
    description: 'Let in clients that send no `Origin` (not browsers).',
  }),
}
