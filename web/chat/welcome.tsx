import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { Hoist } from '../shared/flag.js'
import { ThemeToggle } from '../shared/theme-toggle.js'
import { strings } from '../strings.js'
import { enterAsGuest, enterWithToken, lastNick } from './identity.js'
import { ProblemNote } from './problem-note.js'
import { describe, type Problem } from './problems.js'

const words = strings.welcome

/** Longest nick that the field takes; the protocol allows more. */
const NICK_LENGTH = 40

/** The first thing a reader sees: pick a name and enter. */
export function Welcome() {
  const problem = useSignal<Problem | undefined>(undefined)
  const busy = useSignal(false)
  const enter = async (entering: Promise<void>) => {
    problem.value = undefined
    busy.value = true
    try {
      await entering
    } catch (error) {
      problem.value = describe(error)
    } finally {
      busy.value = false
    }
  }
  return (
    <main class="welcome">
      <div class="welcome-card">
        <Hoist word="PARLEY" />
        <h1>{words.title}</h1>
        <p class="lead">{words.lead}</p>
        <GuestForm busy={busy.value} onEnter={(nick) => void enter(enterAsGuest(nick))} />
        {problem.value && <ProblemNote problem={problem.value} />}
        <TokenForm
          open={problem.value === strings.problems.noGuests}
          onEnter={(token) => void enter(enterWithToken(token))}
        />
      </div>
      <footer class="welcome-foot">
        <a href="echo">{words.echo}</a>
        <ThemeToggle />
      </footer>
    </main>
  )
}

interface GuestFormProps {
  readonly busy: boolean
  readonly onEnter: (nick: string) => void
}

function GuestForm({ busy, onEnter }: GuestFormProps) {
  return (
    <form class="welcome-form" onSubmit={(event) => submit(event, 'nick', busy, onEnter)}>
      <label for="nick">{words.nick}</label>
      <div class="field-row">
        <input
          id="nick"
          name="nick"
          defaultValue={lastNick()}
          maxLength={NICK_LENGTH}
          required
          autoComplete="nickname"
          aria-describedby="nick-hint"
          dir="auto"
        />
        <button type="submit" class="button primary" aria-disabled={busy}>
          {busy ? words.entering : words.enter}
        </button>
      </div>
      <p class="hint" id="nick-hint">
        {words.nickHint}
      </p>
    </form>
  )
}

interface TokenFormProps {
  readonly open: boolean
  readonly onEnter: (token: string) => void
}

function TokenForm({ open, onEnter }: TokenFormProps) {
  return (
    <details class="welcome-token" open={open}>
      <summary>{words.haveToken}</summary>
      <form class="welcome-form" onSubmit={(event) => submit(event, 'token', false, onEnter)}>
        <label for="token">{words.token}</label>
        <input
          id="token"
          name="token"
          required
          autoComplete="off"
          spellcheck={false}
          aria-describedby="token-hint"
        />
        <p class="hint" id="token-hint">
          {words.tokenHint}
        </p>
        <button type="submit" class="button">
          {words.useToken}
        </button>
      </form>
    </details>
  )
}

function submit(
  event: TargetedSubmitEvent<HTMLFormElement>,
  field: string,
  busy: boolean,
  onEnter: (value: string) => void,
): void {
  event.preventDefault()
  const value = String(new FormData(event.currentTarget).get(field) ?? '').trim()
  if (value !== '' && !busy) onEnter(value)
}
