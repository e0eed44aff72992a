import { strings } from '../strings.js'

/** A room in which nothing was said yet. */
export function EmptyRoom() {
  return (
    <div class="empty-room">
      <h2>{strings.room.emptyTitle}</h2>
      <p class="hint">{strings.room.emptyLead}</p>
    </div>
  )
}
