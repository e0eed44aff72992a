import type { TargetedSubmitEvent } from 'preact'
import { strings } from '../strings.js'
import { goTo } from './route.js'

/** Longest name of a room, as the protocol has it. */
const NAME_LENGTH = 128

/** Goes to a room by its name. */
export function JoinForm({ id }: { readonly id: string }) {
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const name = String(new FormData(form).get('room') ?? '').trim()
    if (name === '') return
    form.reset()
    goTo(name)
  }
  return (
    <form class="field-row" onSubmit={submit}>
      <label class="visually-hidden" for={id}>
        {strings.rooms.name}
      </label>
      <input
        id={id}
        name="room"
        required
        maxLength={NAME_LENGTH}
        placeholder={strings.rooms.name}
        autoComplete="off"
        dir="auto"
      />
      <button type="submit" class="button">
        {strings.rooms.join}
      </button>
    </form>
  )
}
