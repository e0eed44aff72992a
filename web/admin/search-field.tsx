import type { Signal } from '@preact/signals'

interface Props {
  readonly id: string
  readonly label: string
  readonly value: Signal<string>
}

/** Where to type what a list is to be narrowed to. */
export function SearchField({ id, label, value }: Props) {
  return (
    <div class="field search">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        maxLength={128}
        autoComplete="off"
        value={value}
        onInput={(event) => {
          value.value = event.currentTarget.value
        }}
      />
    </div>
  )
}
