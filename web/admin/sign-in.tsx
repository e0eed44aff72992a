import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { refusal, signIn } from './session.js'
import { words } from './words.js'

/** Asks for a token. */
export function SignIn() {
  const busy = useSignal(false)
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const token = String(new FormData(event.currentTarget).get('token')).trim()
    busy.value = true
    await signIn(token)
    busy.value = false
  }
  return (
    <form class="panel sign-in" onSubmit={(event) => void submit(event)} aria-labelledby="sign-in">
      <h2 id="sign-in">{words.signIn.title}</h2>
      <div class="field">
        <label for="token">{words.signIn.token}</label>
        <input
          id="token"
          name="token"
          type="password"
          required
          autoComplete="off"
          spellcheck={false}
          aria-describedby="token-hint sign-in-refusal"
        />
        <p class="hint" id="token-hint">
          {words.signIn.hint}
        </p>
      </div>
      <p class="failure" id="sign-in-refusal" aria-live="polite">
        {refusal}
      </p>
      <button type="submit" class="button primary" disabled={busy.value}>
        {busy.value ? words.signIn.checking : words.signIn.submit}
      </button>
    </form>
  )
}
