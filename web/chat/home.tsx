import { Hoist } from '../shared/flag.js'
import { strings } from '../strings.js'
import type { Chat } from './chat.js'
import { ConnectionNote } from './connection-note.js'
import { JoinForm } from './join-form.js'
import { goTo } from './route.js'

const SUGGESTED = '8888'

/** No room yet: what a room is, and how to see what this is good for. */
export function Home({ chat }: { readonly chat: Chat }) {
  const { home } = strings
  return (
    <section class="home">
      <div class="home-inner">
        <ConnectionNote chat={chat} />
        <Hoist word={SUGGESTED.slice(0, 1)} />
        <h2>{home.title}</h2>
        <p class="lead">{home.lead}</p>
        <JoinForm id="home-room" />
        <button type="button" class="button primary" onClick={() => goTo(SUGGESTED)}>
          {home.suggest}
        </button>
        <ol class="steps">
          {home.steps.map(([what, how]) => (
            <li key={what}>
              <strong>{what}</strong> {how}
            </li>
          ))}
        </ol>
      </div>
    </section>
  )
}
