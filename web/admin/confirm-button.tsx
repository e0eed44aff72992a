import { useSignal } from '@preact/signals'

interface Props {
  readonly label: string
  /** What the button says once it was pressed, until it is pressed again or left. */
  readonly confirm: string
  readonly onConfirm: () => Promise<void>
}

/** A button for what cannot be undone: it has to be pressed twice. */
export function ConfirmButton({ label, confirm, onConfirm }: Props) {
  const armed = useSignal(false)
  const busy = useSignal(false)
  const press = async () => {
    if (!armed.value) {
      armed.value = true
      return
    }
    armed.value = false
    busy.value = true
    await onConfirm()
    busy.value = false
  }
  return (
    <button
      type="button"
      class={armed.value ? 'button danger' : 'button'}
      disabled={busy.value}
      onClick={() => void press()}
      onBlur={() => {
        armed.value = false
      }}
    >
      {armed.value ? confirm : label}
    </button>
  )
}
