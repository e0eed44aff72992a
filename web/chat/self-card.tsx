import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { Flag } from '../shared/flag.js'
import { Icon } from '../shared/icons.js'
import { ThemeToggle } from '../shared/theme-toggle.js'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'
import { rename } from './identity.js'

const words = strings.self

/** Who the reader is here, and what they can change about it. */
export function SelfCard({ chat }: { readonly chat: Chat }) {
  const editing = useSignal(false)
  const nick = chat.nick.value
  if (editing.value) return <RenameForm chat={chat} onDone={() => (editing.value = false)} />
  return (
    <div class="self">
      <Flag of={nick} />
      <button
        type="button"
        class="self-name"
        title={words.rename}
        aria-label={`${nick}. ${words.rename}`}
        onClick={() => (editing.value = true)}
      >
        <bdi>{nick}</bdi>
      </button>
      <ThemeToggle />
      <button
        type="button"
        class="icon-button"
        aria-label={words.leave}
        title={words.leave}
        onClick={() => chat.signOut()}
      >
        <Icon name="leave" />
      </button>
    </div>
  )
}

interface RenameProps {
  readonly chat: Chat
  readonly onDone: () => void
}

function RenameForm({ chat, onDone }: RenameProps) {
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const nick = String(new FormData(event.currentTarget).get('nick') ?? '').trim()
    if (nick === '') return
    rename(nick)
    void chat.rename()
    onDone()
  }
  return (
    <form
      class="self field-row"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onDone()
      }}
    >
      <label class="visually-hidden" for="rename">
        {words.rename}
      </label>
      <input
        id="rename"
        name="nick"
        defaultValue={chat.nick.value}
        maxLength={40}
        required
        ref={(input) => input?.focus()}
        dir="auto"
      />
      <button type="submit" class="button">
        {words.save}
      </button>
    </form>
  )
}
