import { Hoist } from '../shared/flag.js'
import { strings } from '../strings.js'
import { JoinForm } from './join-form.js'
import { goTo } from './route.js'

const SUGGESTED = '8888'

/** No room yet: what a room is, and how to see what this is good for. */
export function Home() {
  const { home } = strings
  return (
    <section class="home">
      <div class="home-inner">
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
