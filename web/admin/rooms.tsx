import { useSignal } from '@preact/signals'
import type { AdminApi } from './api.js'
import { roomFilter } from './filter.js'
import { Pager } from './pager.js'
import { SearchField } from './search-field.js'
import { Table, Time } from './table.js'
import { usePage } from './use-page.js'
import { words } from './words.js'

const labels = words.rooms
const count = new Intl.NumberFormat()

const COLUMNS = [
  { label: labels.name },
  { label: labels.members, kind: 'number' },
  { label: labels.messages, kind: 'number' },
  { label: labels.last },
] as const

/** The rooms that have messages or members. */
export function Rooms({ api }: { readonly api: AdminApi }) {
  const prefix = useSignal('')
  const search = prefix.value.trim()
  const listing = usePage(search, (cursor) => api.rooms(search, cursor))
  const rooms = listing.page.value?.items
  return (
    <section class="panel" aria-labelledby="rooms">
      <h2 id="rooms">{labels.title}</h2>
      <SearchField id="room-search" label={labels.search} value={prefix} />
      {rooms?.length === 0 && <p class="hint">{labels.none}</p>}
      {rooms && rooms.length > 0 && (
        <Table columns={COLUMNS}>
          {rooms.map((room) => (
            <tr key={room.name}>
              <th scope="row">
                <button
                  type="button"
                  class="link-button"
                  onClick={() => {
                    roomFilter.value = room.name
                  }}
                >
                  <bdi>{room.name}</bdi>
                </button>
              </th>
              <td class="number" data-label={labels.members}>
                {count.format(room.members)}
              </td>
              <td class="number" data-label={labels.messages}>
                {count.format(room.offset - room.first + 1)}
              </td>
              <td data-label={labels.last}>
                {room.last_message === null ? labels.never : <Time at={room.last_message} />}
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Pager listing={listing} />
    </section>
  )
}
