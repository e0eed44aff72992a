import type { ComponentChildren } from 'preact'
import { fullTime, timeOfDay } from '../shared/format.js'

interface Column {
  readonly label: string
  /** `number`: set to the right. `action`: its heading is only read aloud. Default: a text. */
  readonly kind?: 'number' | 'action'
}

interface Props {
  readonly columns: readonly Column[]
  /** Its rows; each cell has its column's label as `data-label`. */
  readonly children: ComponentChildren
}

/** A table whose rows become blocks where there is no space for columns. */
export function Table({ columns, children }: Props) {
  return (
    <table class="stacking">
      <thead>
        <tr>
          {columns.map(({ label, kind }) => (
            <th key={label} scope="col" class={kind === 'number' ? 'number' : undefined}>
              {kind === 'action' ? <span class="visually-hidden">{label}</span> : label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  )
}

/** A time of day, with its day for who points at it. `at`: milliseconds since 1970. */
export function Time({ at }: { readonly at: number }) {
  return <time title={fullTime(at)}>{timeOfDay(at)}</time>
}
