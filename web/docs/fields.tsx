import { type Field, fieldsOf, type Schema } from './schema.js'
import { words } from './words.js'

interface Props {
  readonly title: string
  readonly schema?: Schema | undefined
  /** Instead of those of a schema. */
  readonly fields?: readonly Field[]
  /** Fields that go without saying. */
  readonly without?: readonly string[]
}

/** A table of fields; nothing where there are none. */
export function Fields({ title, schema, fields = fieldsOf(schema), without = [] }: Props) {
  const shown = fields.filter(({ name }) => !without.includes(name))
  if (shown.length === 0) return null
  return (
    <>
      <h4>{title}</h4>
      <table class="fields">
        <thead>
          <tr>
            <th scope="col">{words.field}</th>
            <th scope="col">{words.type}</th>
            <th scope="col">{words.meaning}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ name, type, optional, about }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>
                <code>{type}</code>
                {optional && <span class="hint"> {words.optional}</span>}
              </td>
              <td>{about}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
