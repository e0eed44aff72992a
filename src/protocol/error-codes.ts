/** Codes of the `error` event: stable strings, part of the protocol. */
export const ERROR_CODES = [
  'BAD_JSON',
  'BAD_ACTION',
  'BAD_FIELD',
  'NOT_A_MEMBER',
  'FORBIDDEN',
  'ROOM_LIMIT',
  'RATE_LIMITED',
  'TOO_LARGE',
  'UNAUTHORIZED',
  'STORE_UNAVAILABLE',
  'INTERNAL',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]
