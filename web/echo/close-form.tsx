import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { strings } from '../strings.js'
import type { Tester } from './tester.js'

const words = strings.echo

/** Ends the connection with a code and a reason. */
export function CloseForm({ tester }: { readonly tester: Tester }) {
  const problem = useSignal('')
  const state = tester.state.value
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    problem.value = ''
    try {
      tester.close(Number(fields.get('code')), String(fields.get('reason')))
    } catch {
      // A browser refuses what the protocol does not let a client say.
      problem.value = words.badClose
    }
  }
  return (
    <form class="card" aria-labelledby="close-title" onSubmit={submit}>
      <h2 id="close-title">{words.ending}</h2>
      <div class="code-and-reason">
        <div class="field">
          <label for="code">{words.code}</label>
          <input
            id="code"
            name="code"
            type="number"
            required
            min={1000}
            max={4999}
            defaultValue="1000"
            aria-describedby="close-problem"
          />
        </div>
        <div class="field">
          <label for="reason">{words.reason}</label>
          <input id="reason" name="reason" placeholder={words.none} autoComplete="off" dir="auto" />
        </div>
      </div>
      <p class="failure" id="close-problem" aria-live="polite">
        {problem}
      </p>
      <button type="submit" class="button" disabled={state !== 'open' && state !== 'connecting'}>
        {words.close}
      </button>
    </form>
  )
}
