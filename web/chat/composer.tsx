import { useEffect, useRef } from 'preact/hooks'
import { Flag } from '../shared/flag.js'
import { byteSize } from '../shared/format.js'
import { Icon } from '../shared/icons.js'
import { media } from '../shared/media.js'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'
import type { Room } from './room.js'

/** Bytes that an action takes beside the text. */
const ENVELOPE = 512

const encoder = new TextEncoder()

/** Where a field that is focused does not bring up a keyboard over half of the page. */
const hasKeyboard = media('(hover: hover) and (pointer: fine)')

interface Props {
  readonly chat: Chat
  readonly room: Room
}

/** The field for a message: Enter sends, Shift + Enter begins a new line. */
export function Composer({ chat, room }: Props) {
  const field = useRef<HTMLTextAreaElement>(null)
  const text = room.draft.value
  const over = bytesOf(text) - (chat.messageBytes.value - ENVELOPE)
  useEffect(() => {
    if (hasKeyboard.peek()) field.current?.focus()
  }, [])
  const send = () => {
    if (text.trim() === '' || over > 0) return
    room.send()
    field.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    send()
  }
  const onInput = (value: string) => {
    room.draft.value = value
    if (value === '') room.typing.stop()
    else room.typing.write()
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <Flag of={chat.nick.value} />
      <textarea
        id="compose"
        ref={field}
        rows={1}
        dir="auto"
        value={text}
        aria-label={strings.room.compose(room.name)}
        placeholder={strings.room.compose(room.name)}
        aria-invalid={over > 0}
        aria-describedby={over > 0 ? 'too-long' : undefined}
        enterkeyhint="send"
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {over > 0 && (
        <p class="too-long" id="too-long" role="alert">
          {strings.room.tooLong(byteSize(over))}
        </p>
      )}
      <button type="submit" class="icon-button send" aria-label={strings.room.send}>
        <Icon name="send" />
      </button>
    </form>
  )
}

/** Size of a text as JSON; worked out only where it may matter. */
function bytesOf(text: string): number {
  return text.length < 4096 ? text.length : encoder.encode(JSON.stringify(text)).length
}
