import { Flag } from '../shared/flag.js'
import { strings } from '../strings.js'
import { CopyLink } from './copy-link.js'

/** A room in which nothing was said yet. */
export function EmptyRoom({ room }: { readonly room: string }) {
  return (
    <div class="empty-room">
      <Flag of={room} />
      <h2>{strings.room.emptyTitle}</h2>
      <p class="hint">{strings.room.emptyLead}</p>
      <CopyLink room={room} />
    </div>
  )
}
