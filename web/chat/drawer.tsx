import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Icon } from '../shared/icons.js'
import { strings } from '../strings.js'

interface Props {
  readonly open: boolean
  readonly title: string
  readonly side?: 'start' | 'end'
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A panel that slides over the page; the browser keeps the focus in it and closes it on Escape. */
export function Drawer({ open, title, side = 'start', onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (open) dialog.current?.showModal()
    else dialog.current?.close()
  }, [open])
  const closeOnBackdrop = (event: MouseEvent) => {
    if (event.target === dialog.current) onClose()
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same, by the browser itself.
    <dialog
      ref={dialog}
      class={`drawer drawer-${side}`}
      aria-label={title}
      onClose={onClose}
      onClick={closeOnBackdrop}
    >
      <div class="panel">
        <button
          type="button"
          class="icon-button drawer-close"
          aria-label={strings.close}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
        {open && children}
      </div>
    </dialog>
  )
}
