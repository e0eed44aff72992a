import { useSignal } from '@preact/signals'
import type { TargetedSubmitEvent } from 'preact'
import { type ByteNotation, parseBytes, randomBytes } from '../model/bytes.js'
import { strings } from '../strings.js'
import type { Tester } from './tester.js'

const words = strings.echo
const FORMATS = ['text', 'hex', 'base64'] as const
type Format = (typeof FORMATS)[number]

/** Most random bytes that are sent at once. */
const MOST_RANDOM = 16 * 1024 * 1024

/** Sends text, bytes as the reader writes them, or random bytes of any number. */
export function SendForm({ tester }: { readonly tester: Tester }) {
  const format = useSignal<Format>('text')
  const message = useSignal<string>(words.sample)
  const problem = useSignal('')
  const open = tester.state.value === 'open'
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    problem.value = ''
    if (format.value === 'text') return tester.sendText(message.value)
    const bytes = parseBytes(message.value, format.value satisfies ByteNotation)
    if (bytes === undefined) problem.value = words.notBytes[format.value]
    else tester.sendBytes(bytes)
  }
  return (
    <div class="card">
      <form aria-labelledby="send-title" onSubmit={submit}>
        <h2 id="send-title">{words.sending}</h2>
        <fieldset class="choices">
          <legend class="visually-hidden">{words.format}</legend>
          {FORMATS.map((name) => (
            <label key={name} class="choice">
              <input
                type="radio"
                name="format"
                checked={format.value === name}
                onChange={() => {
                  format.value = name
                  problem.value = ''
                }}
              />
              {words.formats[name]}
            </label>
          ))}
        </fieldset>
        <label class="visually-hidden" for="message">
          {words.message}
        </label>
        <textarea
          id="message"
          rows={3}
          dir="auto"
          spellcheck={false}
          class={format.value === 'text' ? '' : 'code'}
          value={message}
          aria-invalid={problem.value !== ''}
          aria-describedby="message-problem"
          onInput={(event) => {
            message.value = event.currentTarget.value
          }}
        />
        <p class="failure" id="message-problem" aria-live="polite">
          {problem}
        </p>
        <button type="submit" class="button primary" disabled={!open}>
          {words.send}
        </button>
      </form>
      <RandomForm tester={tester} />
    </div>
  )
}

function RandomForm({ tester }: { readonly tester: Tester }) {
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const size = Number(new FormData(event.currentTarget).get('size'))
    tester.sendBytes(randomBytes(Math.min(size, MOST_RANDOM)))
  }
  return (
    <form class="inline-form" onSubmit={submit}>
      <label for="size">{words.randomBytes}</label>
      <input
        id="size"
        name="size"
        type="number"
        required
        min={0}
        max={MOST_RANDOM}
        defaultValue="1024"
      />
      <button type="submit" class="button" disabled={tester.state.value !== 'open'}>
        {words.sendRandom}
      </button>
    </form>
  )
}
