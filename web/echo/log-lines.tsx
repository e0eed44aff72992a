import { Component, createRef } from 'preact'
import type { LogEntry } from '../model/log.js'
import { FoldedText } from '../shared/folded-text.js'
import { byteSize, exactTime } from '../shared/format.js'
import { type Place, ScrollKeeper } from '../shared/scroll-keeper.js'
import { strings } from '../strings.js'

const words = strings.echo

const FOLD = 240

interface Props {
  readonly entries: readonly LogEntry[]
  /** What to say when there is none. */
  readonly empty: string
}

/** The lines of the log. Follows the newest, unless the reader looks further up. */
export class LogLines extends Component<Props> {
  readonly #scroller = createRef<HTMLDivElement>()
  readonly #list = createRef<HTMLOListElement>()
  #keeper: ScrollKeeper | undefined

  override componentDidMount(): void {
    const scroller = this.#scroller.current as HTMLDivElement
    this.#keeper = new ScrollKeeper(scroller, this.#list.current as HTMLOListElement)
  }

  override getSnapshotBeforeUpdate(): Place {
    return this.#keeper?.take()
  }

  override componentDidUpdate(_props: Props, _state: object, place: Place): void {
    this.#keeper?.restore(place)
  }

  override componentWillUnmount(): void {
    this.#keeper?.stop()
  }

  render({ entries, empty }: Props) {
    return (
      <div
        class="log-scroller"
        ref={this.#scroller}
        role="log"
        aria-label={words.log}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: who has only a keyboard scrolls here.
        tabIndex={0}
        onScroll={() => this.#keeper?.scrolled()}
      >
        {entries.length === 0 && <p class="hint empty-log">{empty}</p>}
        <ol class="log-lines" ref={this.#list}>
          {entries.map((entry) => (
            <LogLine key={entry.id} entry={entry} />
          ))}
        </ol>
      </div>
    )
  }
}

function LogLine({ entry }: { readonly entry: LogEntry }) {
  const { id, time, direction, type, size, roundTrip, content, cut } = entry
  return (
    <li class={`log-line log-${direction} log-${type}`} data-line={id}>
      <time dateTime={new Date(time).toISOString()}>{exactTime(time)}</time>
      <span class="log-direction">{words.arrows[direction]}</span>
      <span class="log-type">{words.types[type]}</span>
      <span class="log-size">{size === undefined ? '' : byteSize(size)}</span>
      <span class="log-trip">{roundTrip === undefined ? '' : words.milliseconds(roundTrip)}</span>
      <div class="log-content">
        <FoldedText text={content} fold={FOLD} code={size !== undefined} />
        {cut && <p class="hint">{words.cut}</p>}
      </div>
    </li>
  )
}
