import type { VNode } from 'preact'
import type { Row } from '../model/rows.js'
import type { Room } from './room.js'
import { Line } from './transcript-line.js'

type MessageRow = Extract<Row, { kind: 'message' }>

interface Kept {
  readonly row: MessageRow
  readonly own: boolean
  readonly sent: boolean
  readonly line: VNode
}

/**
 * Lines as they were rendered last. A message that stands as it stood keeps its element, which
 * Preact then skips: what one new message costs does not depend on how many there are.
 */
export class LineCache {
  readonly #room: Room
  #kept = new Map<string, Kept>()

  constructor(room: Room) {
    this.#room = room
  }

  /** The lines of a transcript; `sent` is the row that says that it was sent. */
  render(rows: readonly Row[], sent: Row | undefined): VNode[] {
    const next = new Map<string, Kept>()
    const lines = rows.map((row) => {
      if (row.kind !== 'message') return <Line key={row.key} row={row} own={false} sent={false} />
      const kept = this.#keep(row, row === sent)
      next.set(row.key, kept)
      return kept.line
    })
    this.#kept = next
    return lines
  }

  #keep(row: MessageRow, sent: boolean): Kept {
    const own = this.#room.isOwn(row.message.user)
    const before = this.#kept.get(row.key)
    const same =
      before?.row.message === row.message &&
      before.row.opens === row.opens &&
      before.own === own &&
      before.sent === sent
    return same
      ? before
      : { row, own, sent, line: <Line key={row.key} row={row} own={own} sent={sent} /> }
  }
}
