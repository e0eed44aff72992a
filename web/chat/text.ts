/** A message as text: other clients may send any JSON. */
export function readableText(msg: unknown): string {
  return typeof msg === 'string' ? msg : JSON.stringify(msg, null, 2)
}
