/** How long a request may take before the server counts as away, in milliseconds. */
const TIMEOUT = 10_000

/** The service answered with an error, in its own words. */
export class HttpError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** No answer at all: the server is away, or the network is. */
export class Unreachable extends Error {}

interface Request {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: object
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined
}

/**
 * Sends a JSON request to the service and resolves with the JSON of its answer.
 * Rejects with `HttpError` or `Unreachable`.
 */
export async function requestJson(url: string, request: Request = {}): Promise<unknown> {
  const headers = new Headers({ accept: 'application/json' })
  if (request.body !== undefined) headers.set('content-type', 'application/json')
  if (request.token !== undefined) headers.set('authorization', `Bearer ${request.token}`)
  const response = await fetch(url, {
    method: request.method ?? 'GET',
    headers,
    body: request.body === undefined ? null : JSON.stringify(request.body),
    credentials: 'same-origin',
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT),
  }).catch((cause: unknown) => {
    throw new Unreachable('the server does not answer', { cause })
  })
  const answer: unknown = await response.json().catch(() => undefined)
  if (!response.ok) throw new HttpError(response.status, messageIn(answer) ?? response.statusText)
  return answer
}

function messageIn(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('message' in answer)) return undefined
  return typeof answer.message === 'string' ? answer.message : undefined
}
