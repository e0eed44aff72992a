import { useSignal } from '@preact/signals'
import { fullTime, timeOfDay } from '../shared/format.js'
import type { AdminApi } from './api.js'
import { roomFilter } from './filter.js'
import { Pager } from './pager.js'
import { usePage } from './use-page.js'
import { words } from './words.js'

const labels = words.rooms
const count = new Intl.NumberFormat()

/** The rooms that have messages or members. */
export function Rooms({ api }: { readonly api: AdminApi }) {
  const prefix = useSignal('')
  const search = prefix.value.trim()
  const listing = usePage(search, (cursor) => api.rooms(search, cursor))
  const rooms = listing.page.value?.items
  return (
    <section class="panel" aria-labelledby="rooms">
      <h2 id="rooms">{labels.title}</h2>
      <div class="field search">
        <label for="room-search">{labels.search}</label>
        <input
          id="room-search"
          type="search"
          maxLength={128}
          autoComplete="off"
          onInput={(event) => {
            prefix.value = event.currentTarget.value
          }}
        />
      </div>
      {rooms?.length === 0 && <p class="hint">{labels.none}</p>}
      {rooms && rooms.length > 0 && (
        <table class="stacking">
          <thead>
            <tr>
              <th scope="col">{labels.name}</th>
              <th scope="col" class="number">
                {labels.members}
              </th>
              <th scope="col" class="number">
                {labels.messages}
              </th>
              <th scope="col">{labels.last}</th>
            </tr>
          </thead>
          <tbody>
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
                  {room.last_message === null ? (
                    labels.never
                  ) : (
                    <time title={fullTime(room.last_message)}>{timeOfDay(room.last_message)}</time>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Pager listing={listing} />
    </section>
  )
}
