import { strings } from '../strings.js'
import type { Room } from './room.js'

/** Who is writing; keeps its line when nobody is, so that nothing moves. */
export function TypingLine({ room }: { readonly room: Room }) {
  const who = room.typing.typists.value.map(({ nick }) => nick)
  return (
    <p class="typing-line" aria-live="off">
      {who.length > 0 && (
        <>
          <span class="writing" aria-hidden="true" />
          <bdi>{strings.room.typing(who)}</bdi>
        </>
      )}
    </p>
  )
}
