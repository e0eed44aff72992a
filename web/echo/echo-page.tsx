import { useMemo } from 'preact/hooks'
import { Flag } from '../shared/flag.js'
import { ThemeToggle } from '../shared/theme-toggle.js'
import { strings } from '../strings.js'
import { CloseForm } from './close-form.js'
import { ConnectForm } from './connect-form.js'
import { Log } from './log.js'
import { SendForm } from './send-form.js'
import { Tester, type TesterState } from './tester.js'

const words = strings.echo

const PILLS: Record<TesterState, string> = {
  closed: 'pill-closed',
  connecting: 'pill-connecting',
  open: 'pill-connected',
  closing: 'pill-connecting',
}

/** The echo tester: a plain WebSocket in the reader's hands. */
export function EchoPage() {
  const tester = useMemo(() => new Tester(), [])
  return (
    <div class="echo">
      <header class="echo-bar">
        <Flag of="E" />
        <h1>{words.title}</h1>
        <State tester={tester} />
        <a href="./">{words.chat}</a>
        <ThemeToggle />
      </header>
      <main class="echo-main">
        <div class="echo-forms">
          <ConnectForm tester={tester} />
          <SendForm tester={tester} />
          <CloseForm tester={tester} />
        </div>
        <Log tester={tester} />
      </main>
    </div>
  )
}

function State({ tester }: { readonly tester: Tester }) {
  const state = tester.state.value
  return (
    <p class={`pill ${PILLS[state]}`} role="status" data-state={state}>
      <span class="pill-dot" aria-hidden="true" />
      {words.states[state]}
    </p>
  )
}
