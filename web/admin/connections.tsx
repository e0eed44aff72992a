import type { Signal } from '@preact/signals'
import { labelOf } from '../model/nodes.js'
import { byteSize, fullTime, timeOfDay } from '../shared/format.js'
import type { AdminApi, Connection } from './api.js'
import { ConfirmButton } from './confirm-button.js'
import { roomFilter, userFilter } from './filter.js'
import { nodes } from './live.js'
import { Pager } from './pager.js'
import { noteFailure } from './session.js'
import { usePage } from './use-page.js'
import { words } from './words.js'

const labels = words.connections
const count = new Intl.NumberFormat()

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
        <Filter id="user-filter" label={labels.user} value={userFilter} />
        <Filter id="room-filter" label={labels.room} value={roomFilter} />
      </div>
      {connections?.length === 0 && <p class="hint">{labels.none}</p>}
      {connections && connections.length > 0 && (
        <table class="stacking">
          <thead>
            <tr>
              <th scope="col">{labels.user}</th>
              <th scope="col">{labels.node}</th>
              <th scope="col">{labels.address}</th>
              <th scope="col">{labels.since}</th>
              <th scope="col">{labels.rooms}</th>
              <th scope="col" class="number">
                {labels.traffic}
              </th>
              <th scope="col" class="number">
                {labels.buffered}
              </th>
              <th scope="col">
                <span class="visually-hidden">{labels.action}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {connections.map((connection) => (
              <Row
                key={connection.id}
                connection={connection}
                onDisconnect={() => disconnect(connection.id)}
              />
            ))}
          </tbody>
        </table>
      )}
      <Pager listing={listing} />
    </section>
  )
}

interface FilterProps {
  readonly id: string
  readonly label: string
  readonly value: Signal<string>
}

function Filter({ id, label, value }: FilterProps) {
  return (
    <div class="field search">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        maxLength={128}
        autoComplete="off"
        value={value}
        onInput={(event) => {
          value.value = event.currentTarget.value
        }}
      />
    </div>
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
        <time title={fullTime(since)}>{timeOfDay(since)}</time>
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
