import { readFileSync } from 'node:fs'

/** The plan as it comes in on stdin: one `name value` a line; see `plan.c` for the names. */
export class Plan {
  readonly pids: readonly number[]
  readonly steps: readonly { readonly kind: 'send' | 'expect'; readonly text: string }[]
  readonly #values = new Map<string, string>()
  readonly #headers: string[] = []
  readonly #tokens: readonly string[]

  constructor(lines: string) {
    const pids: number[] = []
    const steps: { kind: 'send' | 'expect'; text: string }[] = []
    for (const line of lines.split('\n').filter((line) => line !== '')) {
      const name = line.slice(0, line.indexOf(' '))
      const value = line.slice(name.length + 1)
      if (name === 'pid') pids.push(Number(value))
      else if (name === 'header') this.#headers.push(value)
      else if (name === 'send' || name === 'expect') steps.push({ kind: name, text: value })
      else this.#values.set(name, value)
    }
    this.pids = pids
    this.steps = steps
    const tokens = this.#values.get('tokens')
    this.#tokens = tokens ? readFileSync(tokens, 'utf8').trim().split('\n') : []
  }

  text(name: string): string {
    return this.#values.get(name) ?? ''
  }

  number(name: string, usual: number): number {
    return Number(this.#values.get(name) ?? usual)
  }

  flag(name: string): boolean {
    return this.#values.get(name) === '1'
  }

  /** A text with `{room}`, `{index}` and `{token}` filled in. */
  fill(text: string, room: number, index: number): string {
    const token = () => this.#tokens[index % this.#tokens.length] as string
    return text
      .replaceAll('{room}', `room-${room}`)
      .replaceAll('{index}', String(index))
      .replaceAll('{token}', token)
  }

  /** The request that opens the WebSocket. */
  request(room: number, index: number): string {
    const lines = [
      `GET ${this.text('path')} HTTP/1.1`,
      `Host: 127.0.0.1:${this.text('port')}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...this.#headers,
    ]
    return this.fill(`${lines.join('\r\n')}\r\n\r\n`, room, index)
  }
}
