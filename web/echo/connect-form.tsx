import { type Signal, useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { endpoints } from '../shared/endpoints.js'
import { guestPass } from '../shared/guest.js'
import { strings } from '../strings.js'
import type { Tester } from './tester.js'

const words = strings.echo

/** What Parley's own endpoints speak. A browser wants an answer to what it offers, also to a token. */
const SUBPROTOCOL = 'parley.v1'

/** Where to connect, and as whom. */
export function ConnectForm({ tester }: { readonly tester: Tester }) {
  const token = useSignal('')
  const problem = useSignal('')
  const getGuestToken = async () => {
    problem.value = ''
    try {
      token.value = (await guestPass(words.guestNick)).token
    } catch (error) {
      problem.value = words.noGuestToken(error instanceof Error ? error.message : String(error))
    }
  }
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    const address = String(fields.get('address')).trim()
    if (token.value.trim() === '' && fields.has('guest') && isOurs(address)) await getGuestToken()
    tester.connect({
      address,
      protocols: String(fields.get('protocols'))
        .split(/[\s,]+/)
        .filter(Boolean),
      token: token.value.trim(),
    })
  }
  return (
    <form class="card" aria-labelledby="connect-title" onSubmit={(event) => void submit(event)}>
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
          defaultValue={SUBPROTOCOL}
          placeholder={words.none}
          spellcheck={false}
          autoComplete="off"
        />
      </div>
      <TokenField token={token} problem={problem.value} onGuest={() => void getGuestToken()} />
      <button type="submit" class="button primary" disabled={tester.state.value !== 'closed'}>
        {words.connect}
      </button>
    </form>
  )
}

interface TokenFieldProps {
  readonly token: Signal<string>
  readonly problem: string
  readonly onGuest: () => void
}

function TokenField({ token, problem, onGuest }: TokenFieldProps) {
  return (
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
        <button type="button" class="button" onClick={onGuest}>
          {words.guestToken}
        </button>
      </div>
      <p class={problem ? 'failure' : 'hint'} id="token-hint" aria-live="polite">
        {problem || words.tokenHint}
      </p>
      <label class="choice">
        <input type="checkbox" name="guest" defaultChecked />
        {words.guestByItself}
      </label>
    </div>
  )
}

/** Whether an address is of this service, which alone gives tokens to guests of this page. */
function isOurs(address: string): boolean {
  const url = URL.canParse(address, location.href) ? new URL(address, location.href) : undefined
  return url?.host === location.host
}
