import type { Listing } from './use-page.js'
import { words } from './words.js'

/** Ways to the next page and back to the first, where there are any. */
export function Pager({ listing }: { readonly listing: Listing<unknown> }) {
  const { page, cursor } = listing
  const next = page.value?.cursor
  if (next === undefined && cursor.value === undefined) return null
  return (
    <div class="pager">
      <button
        type="button"
        class="button"
        disabled={cursor.value === undefined}
        onClick={() => {
          cursor.value = undefined
        }}
      >
        {words.first}
      </button>
      <button
        type="button"
        class="button"
        disabled={next === undefined}
        onClick={() => {
          cursor.value = next
        }}
      >
        {words.next}
      </button>
    </div>
  )
}
