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
  return (
    <main class="welcome">
      <div class="welcome-card">
        <Hoist word="PARLEY" />
        <h1>{words.title}</h1>
        <p class="lead">{words.lead}</p>
        <GuestForm onProblem={(next) => (problem.value = next)} />
        {problem.value && <ProblemNote problem={problem.value} />}
        <TokenForm open={problem.value === strings.problems.noGuests} />
      </div>
      <footer class="welcome-foot">
        <a href="echo">{words.echo}</a>
        <ThemeToggle />
      </footer>
    </main>
  )
}

function GuestForm({ onProblem }: { readonly onProblem: (problem: Problem | undefined) => void }) {
  const entering = useSignal(false)
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const nick = fieldOf(event.currentTarget, 'nick')
    if (nick === '' || entering.value) return
    entering.value = true
    onProblem(undefined)
    try {
      await enterAsGuest(nick)
    } catch (error) {
      onProblem(describe(error))
    } finally {
      entering.value = false
    }
  }
  return (
    <form class="welcome-form" onSubmit={submit}>
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
        <button type="submit" class="button primary" aria-disabled={entering.value}>
          {entering.value ? words.entering : words.enter}
        </button>
      </div>
      <p class="hint" id="nick-hint">
        {words.nickHint}
      </p>
    </form>
  )
}

function TokenForm({ open }: { readonly open: boolean }) {
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const token = fieldOf(event.currentTarget, 'token')
    if (token !== '') enterWithToken(token)
  }
  return (
    <details class="welcome-token" open={open}>
      <summary>{words.haveToken}</summary>
      <form class="welcome-form" onSubmit={submit}>
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

function fieldOf(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name) ?? '').trim()
}
