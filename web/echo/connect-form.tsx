import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { endpoints } from '../shared/endpoints.js'
import { guestPass } from '../shared/guest.js'
import { strings } from '../strings.js'
import type { Tester } from './tester.js'

const words = strings.echo

/** Where to connect, and as whom. */
export function ConnectForm({ tester }: { readonly tester: Tester }) {
  const token = useSignal('')
  const problem = useSignal('')
  const closed = tester.state.value === 'closed'
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    tester.connect({
      address: String(fields.get('address')).trim(),
      protocols: String(fields.get('protocols'))
        .split(/[\s,]+/)
        .filter(Boolean),
      token: token.value.trim(),
    })
  }
  const getGuestToken = async () => {
    problem.value = ''
    try {
      token.value = (await guestPass(words.guestNick)).token
    } catch (error) {
      problem.value = words.noGuestToken(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <form class="card" aria-labelledby="connect-title" onSubmit={submit}>
      <h2 id="connect-title">{words.connection}</h2>
      <div class="field">
        <label for="address">{words.address}</label>
        <input
          id="address"
          name="address"
          required
          defaultValue={endpoints.echo()}
          spellcheck={false}
          autoComplete="off"
          inputMode="url"
        />
      </div>
      <div class="field">
        <label for="protocols">{words.protocols}</label>
        <input
          id="protocols"
          name="protocols"
          placeholder={words.none}
          spellcheck={false}
          autoComplete="off"
        />
      </div>
      <div class="field">
        <label for="token">{words.token}</label>
        <div class="field-row">
          <input
            id="token"
            value={token}
            placeholder={words.none}
            spellcheck={false}
            autoComplete="off"
            aria-describedby="token-hint"
            onInput={(event) => {
              token.value = event.currentTarget.value
            }}
          />
          <button type="button" class="button" onClick={() => void getGuestToken()}>
            {words.guestToken}
          </button>
        </div>
        <p class={problem.value ? 'failure' : 'hint'} id="token-hint" aria-live="polite">
          {problem.value || words.tokenHint}
        </p>
      </div>
      <button type="submit" class="button primary" disabled={!closed}>
        {words.connect}
      </button>
    </form>
  )
}
