import { useSignal } from '@preact/signals'
import type { AdminApi } from './api.js'
import { ConfirmButton } from './confirm-button.js'
import { noteFailure } from './session.js'
import { words } from './words.js'

const labels = words.drain

/** Sends everyone away from this node. */
export function Drain({ api }: { readonly api: AdminApi }) {
  const result = useSignal('')
  const drain = async () => {
    try {
      const { connections, seconds } = await api.drain()
      result.value = labels.started(connections, seconds)
    } catch (error) {
      result.value = String(error instanceof Error ? error.message : error)
      noteFailure(error)
    }
  }
  return (
    <section class="panel" aria-labelledby="drain">
      <h2 id="drain">{labels.title}</h2>
      <p class="hint">{labels.about}</p>
      <p aria-live="polite">{result}</p>
      <ConfirmButton label={labels.start} confirm={labels.confirm} onConfirm={drain} />
    </section>
  )
}
