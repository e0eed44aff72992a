import type { OpenApi, RestOperation } from './documents.js'
import { Fields } from './fields.js'
import { Prose } from './prose.js'
import { words } from './words.js'

interface Entry {
  readonly method: string
  readonly path: string
  readonly operation: RestOperation
}

/** The HTTP interface, by subject. */
export function Rest({ document }: { readonly document: OpenApi }) {
  const entries: Entry[] = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
  return (
    <>
      <h2 id="http">{words.rest}</h2>
      <p>
        <Prose text={document.info.description} /> {words.raw} <a href="./openapi.json">OpenAPI</a>
      </p>
      {document.tags.map(({ name, description }) => (
        <section key={name} class="panel" aria-labelledby={`tag-${name}`}>
          <h3 id={`tag-${name}`}>{name}</h3>
          <p class="hint">
            <Prose text={description} />
          </p>
          {entries
            .filter(({ operation }) => operation.tags?.includes(name))
            .map((entry) => (
              <Operation key={`${entry.method} ${entry.path}`} {...entry} />
            ))}
        </section>
      ))}
    </>
  )
}

function Operation({ method, path, operation }: Entry) {
  const { summary = '', description, parameters = [], requestBody, security, responses } = operation
  const fields = parameters.map((parameter) => ({
    name: parameter.name,
    type: `${parameter.in}: ${parameter.schema.type ?? 'any'}`,
    optional: !parameter.required,
    about: parameter.description ?? '',
  }))
  const answers = Object.entries(responses).filter(([status]) => status.startsWith('2'))
  return (
    <details class="entry">
      <summary>
        <code class={`method method-${method}`}>{method.toUpperCase()}</code>
        <code class="path">{path}</code>
        <span class="about">
          <Prose text={summary} />
        </span>
        <span class="count">{security?.length === 0 ? words.open : words.scoped}</span>
      </summary>
      {description && (
        <p>
          <Prose text={description} />
        </p>
      )}
      <Fields title={words.parameters} fields={fields} />
      <Fields title={words.body} schema={requestBody?.content['application/json']?.schema} />
      {answers.map(([status, { content }]) => (
        <Fields
          key={status}
          title={words.answer(status)}
          schema={content?.['application/json']?.schema}
        />
      ))}
    </details>
  )
}
