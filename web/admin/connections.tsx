import { labelOf } from '../model/nodes.js'
import { byteSize } from '../shared/format.js'
import type { AdminApi, Connection } from './api.js'
import { ConfirmButton } from './confirm-button.js'
import { roomFilter, userFilter } from './filter.js'
import { nodes } from './live.js'
import { Pager } from './pager.js'
import { SearchField } from './search-field.js'
import { noteFailure } from './session.js'
import { Table, Time } from './table.js'
import { usePage } from './use-page.js'
import { words } from './words.js'

const labels = words.connections
const count = new Intl.NumberFormat()

const COLUMNS = [
  { label: labels.user },
  { label: labels.node },
  { label: labels.address },
  { label: labels.since },
  { label: labels.rooms },
  { label: labels.traffic, kind: 'number' },
  { label: labels.buffered, kind: 'number' },
  { label: labels.action, kind: 'action' },
] as const

/** Who is connected, to whichever node. */
export function Connections({ api }: { readonly api: AdminApi }) {
  const user = userFilter.value.trim()
  const room = roomFilter.value.trim()
  const listing = usePage(`${user}\n${room}`, (cursor) => api.connections(user, room, cursor))
  const connections = listing.page.value?.items
  const disconnect = async (id: string) => {
    await api.disconnect(id).catch(noteFailure)
    await listing.reload()
  }
  return (
    <section class="panel" aria-labelledby="connections">
      <h2 id="connections">{labels.title}</h2>
      <div class="search-row">
        <SearchField id="user-filter" label={labels.user} value={userFilter} />
        <SearchField id="room-filter" label={labels.room} value={roomFilter} />
      </div>
      {connections?.length === 0 && <p class="hint">{labels.none}</p>}
      {connections && connections.length > 0 && (
        <Table columns={COLUMNS}>
          {connections.map((connection) => (
            <Row
              key={connection.id}
              connection={connection}
              onDisconnect={() => disconnect(connection.id)}
            />
          ))}
        </Table>
      )}
      <Pager listing={listing} />
    </section>
  )
}

interface RowProps {
  readonly connection: Connection
  readonly onDisconnect: () => Promise<void>
}

function Row({ connection, onDisconnect }: RowProps) {
  const { user, nick, node, address, since, endpoint, rooms, received, sent, buffered } = connection
  return (
    <tr>
      <th scope="row">
        <bdi>{nick}</bdi>
        {nick !== user && (
          <span class="hint">
            <bdi>{user}</bdi>
          </span>
        )}
      </th>
      <td data-label={labels.node}>{nodeLabel(node)}</td>
      <td data-label={labels.address}>{address}</td>
      <td data-label={labels.since}>
        <Time at={since} />
      </td>
      <td data-label={labels.rooms} title={rooms.join(', ')}>
        {endpoint === 'chat' ? summary(rooms) : '/ws'}
      </td>
      <td class="number" data-label={labels.traffic}>
        {count.format(received)} / {count.format(sent)}
      </td>
      <td class="number" data-label={labels.buffered}>
        {byteSize(buffered)}
      </td>
      <td>
        <ConfirmButton
          label={labels.disconnect}
          confirm={labels.confirm}
          onConfirm={onDisconnect}
        />
      </td>
    </tr>
  )
}

function nodeLabel(name: string): string {
  const node = nodes.value?.nodes.find((one) => one.node === name)
  return node ? labelOf(node) : name
}

/** Two rooms by name, the rest by number. */
function summary(rooms: readonly string[]): string {
  const named = rooms.slice(0, 2).join(', ')
  return rooms.length > 2 ? `${named} +${rooms.length - 2}` : named || '–'
}
