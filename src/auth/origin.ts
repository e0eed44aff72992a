/** What the Origin check needs to know of a handshake. */
export interface OriginRequest {
  readonly origin: string | undefined
  /**
   * `Sec-Fetch-Site` (W3C Fetch Metadata), with which browsers say of a GET without an Origin
   * whether a page of the same origin makes it. Pages cannot set it.
   */
  readonly site?: string | string[] | undefined
  /** The `Host` header, or what a trusted proxy says it was. */
  readonly host: string | undefined
  /** The request came over TLS, to this process or to a trusted proxy. */
  readonly secure: boolean
}

export interface OriginOptions {
  /** Exact origins, `https://*.example.com` for subdomains, `*` for all. */
  readonly allowed: readonly string[]
  /** Let requests without an Origin in: clients that are no browsers. */
  readonly allowNone: boolean
}

export type OriginPolicy = (request: OriginRequest) => boolean

/** An origin as browsers serialise it: scheme, host and port, nothing more (RFC 6454, section 6.2). */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^/\s,?#@\\]+)$/i

/**
 * The check against cross-site WebSocket hijacking: may a page of this origin open a connection?
 * The server's own origin always may. `null` and anything that is not one well-formed origin is
 * refused, whatever is allowed. This is no authentication: what is not a browser can send any Origin.
 * @throws {TypeError} when an entry of `allowed` is no origin.
 */
export function createOriginPolicy(options: OriginOptions): OriginPolicy {
  const exact = new Set<string>()
  const subdomainsOf: { scheme: string; suffix: string }[] = []
  let all = false
  for (const entry of options.allowed) {
    const wildcard = /^([a-z][a-z0-9+.-]*:\/\/)\*(\.[^/*\s]+)$/i.exec(entry)
    if (entry === '*') all = true
    else if (wildcard?.[1] && wildcard[2]) {
      subdomainsOf.push({ scheme: wildcard[1].toLowerCase(), suffix: wildcard[2].toLowerCase() })
    } else if (ORIGIN.test(entry) && !entry.includes('*')) exact.add(normalise(entry))
    else throw new TypeError(`"${entry}" is not an origin such as https://app.example.com`)
  }

  return ({ origin, site, host, secure }) => {
    if (origin === undefined) {
      return site === undefined || site === 'none' ? options.allowNone : site === 'same-origin'
    }
    if (!ORIGIN.test(origin)) return false
    if (all) return true
    const given = normalise(origin)
    if (exact.has(given)) return true
    if (subdomainsOf.some(({ scheme, suffix }) => isSubdomain(given, scheme, suffix))) return true
    return isSameOrigin(given, host, secure)
  }
}

/** Lower case, without the scheme's default port. */
function normalise(origin: string): string {
  const lower = origin.toLowerCase()
  if (!/^https?:/.test(lower)) return lower
  return URL.canParse(lower) ? new URL(lower).origin : lower
}

function isSubdomain(origin: string, scheme: string, suffix: string): boolean {
  return (
    origin.startsWith(scheme) &&
    origin.endsWith(suffix) &&
    /^[a-z0-9_.-]+$/.test(origin.slice(scheme.length, -suffix.length))
  )
}

/**
 * A page of `https://a` may connect when the request was addressed to `a`. Without TLS here an
 * https page is the same origin too: a proxy in front may have ended the TLS. With TLS an http
 * page is not: who can change it on the way is not who runs this server.
 */
function isSameOrigin(origin: string, host: string | undefined, secure: boolean): boolean {
  const scheme = origin.slice(0, origin.indexOf('://') + 3)
  if (host === undefined || !ORIGIN.test(`http://${host}`)) return false
  if (!/^https?:\/\/$/.test(scheme)) return false
  if (secure && scheme === 'http://') return false
  return normalise(scheme + host) === origin
}
