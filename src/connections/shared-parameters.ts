import type { WebSocket } from 'ws'

type Parameters = Readonly<Record<string, unknown>>

/** Where ws keeps what was agreed about permessage-deflate; no part of its interface. */
interface WithExtensions {
  readonly _extensions?: { readonly 'permessage-deflate'?: { params?: Parameters | null } }
}

/** Parameters that clients agree to; how many ways there are is bounded by their names and window sizes. */
const agreed = new Map<string, Parameters>()

/**
 * Has connections that agreed to the same parameters share them. ws keeps a dictionary for each, which is
 * half a kilobyte and most of what compression costs a connection that is silent. Where ws keeps
 * them in another way, that stays as it is.
 */
export function shareParameters(ws: WebSocket): void {
  const extension = (ws as WithExtensions)._extensions?.['permessage-deflate']
  if (!extension?.params) return
  const key = JSON.stringify(extension.params)
  let shared = agreed.get(key)
  if (shared === undefined) {
    shared = Object.freeze({ ...extension.params })
    agreed.set(key, shared)
  }
  extension.params = shared
}
