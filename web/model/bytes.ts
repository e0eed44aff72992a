/** How a user writes bytes. */
export type ByteNotation = 'hex' | 'base64'

/** Reads bytes as a user wrote them, white space anywhere; undefined when they are none. */
export function parseBytes(
  text: string,
  notation: ByteNotation,
): Uint8Array<ArrayBuffer> | undefined {
  const packed = text.replace(/\s+/g, '')
  return notation === 'hex' ? parseHex(packed) : parseBase64(packed)
}

function parseHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replace(/^0x/i, '')
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return undefined
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

function parseBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/')
  try {
    return Uint8Array.from(atob(standard), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** "de ad be ef", at most `limit` bytes of it. */
export function toHex(bytes: Uint8Array, limit: number): string {
  return Array.from(bytes.subarray(0, limit), (byte) => byte.toString(16).padStart(2, '0')).join(
    ' ',
  )
}

/** Most bytes that `crypto.getRandomValues` gives at once. */
const RANDOM_AT_ONCE = 65_536

export function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += RANDOM_AT_ONCE) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_AT_ONCE))
  }
  return bytes
}
