interface LoggedRequest {
  readonly id: string
  readonly method: string
  readonly url: string
  readonly ip: string
}

/** A request as the log shows it: without the query string, where a token or ticket may stand. */
export function logRequest({ id, method, url, ip }: LoggedRequest) {
  return { id, method, url: url.split('?', 1)[0], address: ip }
}
