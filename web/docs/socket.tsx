import { type AsyncApi, messageName } from './documents.js'
import { Fields } from './fields.js'
import { Prose } from './prose.js'
import { words } from './words.js'

/** The WebSocket protocol: what a client may send, what the server sends. */
export function Socket({ document }: { readonly document: AsyncApi }) {
  const { operations, components, channels } = document
  const actions = Object.entries(operations)
    .filter(([name, { action }]) => action === 'receive' && name in components.messages)
    .map(([name]) => name)
  const events = operations.events?.messages.map(messageName) ?? []
  return (
    <>
      <h2 id="websocket">{words.socket}</h2>
      <p>
        <Prose text={document.info.description} /> <Prose text={channels.chat?.description ?? ''} />{' '}
        {words.raw} <a href="./asyncapi.json">AsyncAPI</a>
      </p>
      <section class="panel" aria-labelledby="actions">
        <h3 id="actions">{words.actions}</h3>
        <p class="hint">{words.actionsAbout}</p>
        {actions.map((name) => (
          <Entry key={name} name={name} document={document} />
        ))}
      </section>
      <section class="panel" aria-labelledby="events">
        <h3 id="events">{words.events}</h3>
        <p class="hint">{words.eventsAbout}</p>
        {events.map((name) => (
          <Entry key={name} name={name} document={document} />
        ))}
      </section>
    </>
  )
}

function Entry({ name, document }: { readonly name: string; readonly document: AsyncApi }) {
  const { messages } = document.components
  const message = messages[name]
  if (!message) return null
  return (
    <details class="entry">
      <summary>
        <code class="path">{message.name}</code>
        <span class="about">
          <Prose text={message.summary ?? ''} />
        </span>
      </summary>
      <Fields title={words.body} schema={message.payload} />
      <Fields
        title={words.reply}
        schema={messages[`${name}_ok`]?.payload}
        without={['event', 'id']}
      />
    </details>
  )
}
