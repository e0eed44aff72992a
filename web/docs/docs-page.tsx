import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Flag } from '../shared/flag.js'
import { ThemeToggle } from '../shared/theme-toggle.js'
import { type Documents, loadDocuments } from './documents.js'
import { Rest } from './rest.js'
import { Socket } from './socket.js'
import { words } from './words.js'

/** The documents of this server, to be read by people. */
export function DocsPage() {
  const documents = useSignal<Documents | undefined>(undefined)
  const problem = useSignal('')
  useEffect(() => {
    loadDocuments().then(
      (loaded) => {
        documents.value = loaded
      },
      (error: unknown) => {
        problem.value = words.failed(error instanceof Error ? error.message : String(error))
      },
    )
  }, [])
  const loaded = documents.value
  return (
    <div class="page">
      <header class="page-bar">
        <Flag of="I" />
        <h1>{words.title}</h1>
        {loaded && <span class="count">{loaded.openapi.info.version}</span>}
        <nav>
          <a href="./">{words.chat}</a>
          <a href="./echo">{words.echo}</a>
        </nav>
        <ThemeToggle />
      </header>
      <main class="docs">
        <p class="failure" role="alert">
          {problem}
        </p>
        {loaded ? (
          <>
            <nav class="contents" aria-label={words.contents}>
              <a href="#websocket">{words.socket}</a>
              <a href="#http">{words.rest}</a>
              {loaded.openapi.tags.map(({ name }) => (
                <a key={name} href={`#tag-${name}`}>
                  {name}
                </a>
              ))}
            </nav>
            <Socket document={loaded.asyncapi} />
            <Rest document={loaded.openapi} />
          </>
        ) : (
          problem.value === '' && <p class="hint">{words.loading}</p>
        )}
      </main>
    </div>
  )
}
