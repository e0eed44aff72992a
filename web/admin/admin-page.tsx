import { Flag } from '../shared/flag.js'
import { ThemeToggle } from '../shared/theme-toggle.js'
import type { AdminApi } from './api.js'
import { Connections } from './connections.js'
import { answering, stats, useLive } from './live.js'
import { Nodes } from './nodes.js'
import { Overview } from './overview.js'
import { Rooms } from './rooms.js'
import { session, signOut } from './session.js'
import { SignIn } from './sign-in.js'
import { words } from './words.js'

/** The administration page: what the nodes do, and who is on them. */
export function AdminPage() {
  const api = session.value
  return (
    <div class="page">
      <header class="page-bar">
        <Flag of="A" />
        <h1>{words.title}</h1>
        {api && <State />}
        <nav>
          <a href="./">{words.chat}</a>
          <a href="./docs">{words.docs}</a>
        </nav>
        {api && (
          <button type="button" class="button" onClick={() => signOut()}>
            {words.signOut}
          </button>
        )}
        <ThemeToggle />
      </header>
      <main class="admin">{api ? <Panels api={api} /> : <SignIn />}</main>
    </div>
  )
}

function Panels({ api }: { readonly api: AdminApi }) {
  useLive(api)
  return (
    <>
      <Overview />
      <Nodes api={api} />
      <Rooms api={api} />
      <Connections api={api} />
    </>
  )
}

function State() {
  const state = !answering.value ? 'away' : stats.value?.draining ? 'draining' : 'live'
  const look = { live: 'pill-connected', away: 'pill-failed', draining: 'pill-reconnecting' }
  return (
    <p class={`pill ${look[state]}`} role="status" data-state={state}>
      <span class="pill-dot" aria-hidden="true" />
      {words.states[state]}
    </p>
  )
}
