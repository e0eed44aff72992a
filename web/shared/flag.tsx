import { type FlagShape, flagOf } from './signal-flags.js'

const EDGES: Record<FlagShape, string> = {
  square: 'M0.5 0.5h23v23h-23z',
  tail: 'M0.5 0.5h23L17.5 12L23.5 23.5H0.5z',
  pennant: 'M0.5 2.5L23.5 7v10L0.5 21.5z',
}

interface Props {
  /** Whose flag: a nick or the name of a room. */
  readonly of: string
  readonly class?: string
}

/** The signal flag of a name. An ornament: the name itself always stands beside it. */
export function Flag({ of: name, class: extra = '' }: Props) {
  const { shape, parts } = flagOf(name)
  return (
    <svg class={`flag ${extra}`} viewBox="0 0 24 24" aria-hidden="true">
      <g class={`flag-cloth flag-${shape}`}>
        {parts.map(([colour, path]) => (
          <path key={path} class={`flag-${colour}`} d={path} />
        ))}
      </g>
      <path class="flag-edge" d={EDGES[shape]} />
    </svg>
  )
}

/** The flags of a word, on one line. */
export function Hoist({ word }: { readonly word: string }) {
  return (
    <div class="hoist" aria-hidden="true">
      {[...word].map((letter) => (
        <Flag key={letter} of={letter} />
      ))}
    </div>
  )
}
