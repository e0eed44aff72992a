import { useSignal } from '@preact/signals'
import { strings } from '../strings.js'

interface Props {
  readonly text: string
  /** Characters that show of a text that is much longer than that. */
  readonly fold: number
  /** Not prose: shown in a face where every character has the same width. */
  readonly code: boolean
}

/** Text as text, whatever it holds; the rest of a long one on demand. */
export function FoldedText({ text, fold, code }: Props) {
  const unfolded = useSignal(false)
  const folded = text.length > fold * 1.5 && !unfolded.value
  return (
    <>
      <p class={code ? 'text code' : 'text'} dir="auto">
        {folded ? `${text.slice(0, fold)}…` : text}
      </p>
      {folded && (
        <button
          type="button"
          class="link-button"
          onClick={() => {
            unfolded.value = true
          }}
        >
          {strings.showAll}
        </button>
      )}
    </>
  )
}
