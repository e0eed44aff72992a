import { WINDOW_BITS } from './deflate.js'

const FLAGS = new Set(['server_no_context_takeover', 'client_no_context_takeover'])

/** RFC 7692, sections 7.1.2.1 and 7.1.2.2. */
const BITS = /^(?:[89]|1[0-5])$/

/**
 * Chooses among the extensions that a client offers (RFC 6455, section 9.1; RFC 7692, section 7.1):
 * the first offer of permessage-deflate that can be taken, as it stands. Undefined when there is
 * none: the connection goes on uncompressed, whatever was offered.
 * @param offered value of `Sec-WebSocket-Extensions`
 */
export function selectDeflateOffer(offered: string | undefined): string | undefined {
  return offered
    ?.split(',')
    .map((offer) => offer.trim())
    .find(isAcceptable)
}

function isAcceptable(offer: string): boolean {
  const [name, ...parameters] = offer.split(';').map((part) => part.trim())
  if (name !== 'permessage-deflate') return false
  const seen = new Set<string>()
  return parameters.every((parameter) => {
    const [key = '', quoted] = parameter.split('=').map((part) => part.trim())
    const value = quoted?.replace(/^"(.*)"$/, '$1')
    if (seen.has(key)) return false
    seen.add(key)
    if (FLAGS.has(key)) return value === undefined
    if (key === 'client_max_window_bits') return value === undefined || BITS.test(value)
    // A client with a smaller window could not read what is compressed for everybody.
    const fits = value !== undefined && BITS.test(value) && Number(value) >= WINDOW_BITS
    return key === 'server_max_window_bits' && fits
  })
}
