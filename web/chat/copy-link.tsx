import { useSignal } from '@preact/signals'
import { hashOfRoom } from '../model/route.js'
import { endpoints } from '../shared/endpoints.js'
import { Icon } from '../shared/icons.js'
import { strings } from '../strings.js'

const words = strings.people

/** Copies a room's address. Where the browser forbids that, it shows it instead. */
export function CopyLink({ room }: { readonly room: string }) {
  const label = useSignal<string>(words.copyLink)
  const link = endpoints.roomLink(hashOfRoom(room))
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link)
      label.value = words.copied
    } catch {
      label.value = link
    }
  }
  return (
    <button type="button" class="button quiet" onClick={() => void copy()}>
      <Icon name="copy" />
      <span class="copy-label" aria-live="polite">
        {label}
      </span>
    </button>
  )
}
