import { useSignal } from '@preact/signals'
import { labelOf, type Node } from '../model/nodes.js'
import type { AdminApi } from './api.js'
import { ConfirmButton } from './confirm-button.js'
import { nodes } from './live.js'
import { noteFailure } from './session.js'
import { Table, Time } from './table.js'
import { words } from './words.js'

const labels = words.nodes
const count = new Intl.NumberFormat()

const COLUMNS = [
  { label: labels.node },
  { label: labels.state },
  { label: labels.since },
  { label: labels.connections, kind: 'number' },
  { label: labels.rooms, kind: 'number' },
  { label: labels.action, kind: 'action' },
] as const

/** Every node, each of which can be drained; and all of them at once, where there are several. */
export function Nodes({ api }: { readonly api: AdminApi }) {
  const result = useSignal('')
  const list = nodes.value
  const all = list?.nodes ?? []
  const drain = async (node: string) => {
    try {
      const { connections, seconds } = await api.drain(node)
      result.value = labels.started(connections, seconds)
    } catch (error) {
      result.value = String(error instanceof Error ? error.message : error)
      noteFailure(error)
    }
  }
  return (
    <section class="panel" aria-labelledby="nodes">
      <h2 id="nodes">{labels.title}</h2>
      <p class="hint">{labels.about}</p>
      <Table columns={COLUMNS}>
        {all.map((node) => (
          <Row
            key={node.node}
            node={node}
            isThis={node.node === list?.this}
            onDrain={() => drain(node.node)}
          />
        ))}
      </Table>
      <p aria-live="polite">{result}</p>
      {all.length > 1 && (
        <ConfirmButton
          label={labels.drainAll}
          confirm={labels.confirmAll(all.length)}
          onConfirm={() => drain('all')}
        />
      )}
    </section>
  )
}

interface RowProps {
  readonly node: Node
  readonly isThis: boolean
  readonly onDrain: () => Promise<void>
}

function Row({ node, isThis, onDrain }: RowProps) {
  const state = node.draining ? 'draining' : node.ok ? 'live' : 'unavailable'
  return (
    <tr>
      <th scope="row">
        {labelOf(node)}
        <span class="hint">
          {isThis ? labels.thisOne : ''} {labels.version(node.version)}
        </span>
      </th>
      <td data-label={labels.state}>{labels.states[state]}</td>
      <td data-label={labels.since}>
        <Time at={node.since} />
      </td>
      <td class="number" data-label={labels.connections}>
        {count.format(node.connections)}
      </td>
      <td class="number" data-label={labels.rooms}>
        {count.format(node.rooms)}
      </td>
      <td>
        <ConfirmButton label={labels.drain} confirm={labels.confirm} onConfirm={onDrain} />
      </td>
    </tr>
  )
}
