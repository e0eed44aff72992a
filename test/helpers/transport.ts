/**
 * How browsers come in, where a suite is run for it (`npm run test:transports`): `tls` is WebSocket
 * over HTTP/1.1 and TLS, `h2` over HTTP/2, `sse` what the client falls back to behind an nginx that
 * drops upgrade headers. Undefined: WebSocket over plain HTTP/1.1.
 */
export type TestTransport = 'tls' | 'h2' | 'sse'

export const TRANSPORT = process.env.TRANSPORT as TestTransport | undefined

/** Whether servers that tests start have a certificate. */
export const OVER_TLS = TRANSPORT === 'tls' || TRANSPORT === 'h2'
