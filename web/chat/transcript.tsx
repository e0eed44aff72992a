import { Component, createRef } from 'preact'
import { continues, type Row, rowsOf } from '../model/rows.js'
import { dayNumber } from '../shared/format.js'
import { Icon } from '../shared/icons.js'
import { type Place, ScrollKeeper } from '../shared/scroll-keeper.js'
import { strings } from '../strings.js'
import { EmptyRoom } from './empty-room.js'
import { LineCache } from './line-cache.js'
import { PendingLine } from './pending-line.js'
import type { Room } from './room.js'

/** Older messages are asked for when fewer pixels than this are left above, newer ones below. */
const NEAR = 800

interface Props {
  readonly room: Room
}

/** A room's messages: the newest at the end, older ones on scrolling up. */
export class Transcript extends Component<Props> {
  readonly #scroller = createRef<HTMLDivElement>()
  readonly #list = createRef<HTMLOListElement>()
  readonly #lines = new LineCache(this.props.room)
  #keeper: ScrollKeeper | undefined
  #endWanted = 0

  override componentDidMount(): void {
    const { room } = this.props
    const scroller = this.#scroller.current as HTMLDivElement
    const list = this.#list.current as HTMLOListElement
    this.#keeper = new ScrollKeeper(scroller, list)
    this.#endWanted = room.endWanted.peek()
    const unread = list.querySelector('.divider-unread')
    if (unread === null) this.#keeper.toEnd()
    else unread.scrollIntoView({ block: 'center' })
    this.#look()
  }

  override getSnapshotBeforeUpdate(): Place {
    return this.#keeper?.take()
  }

  override componentDidUpdate(_props: Props, _state: object, place: Place): void {
    const wanted = this.props.room.endWanted.peek()
    if (wanted === this.#endWanted) this.#keeper?.restore(place)
    else this.#keeper?.toEnd()
    this.#endWanted = wanted
    this.#look()
  }

  override componentWillUnmount(): void {
    this.#keeper?.stop()
    this.props.room.atEnd.value = true
  }

  /** Tells the room what is in view, and has it load what is missing there. */
  #look = (): void => {
    const { room } = this.props
    const keeper = this.#keeper
    if (keeper === undefined) return
    keeper.scrolled()
    const window = room.history.window.peek()
    room.atEnd.value = keeper.atEnd && !window.newer
    if (keeper.gone < NEAR && window.older) void room.history.loadOlder()
    else if (keeper.toGo < NEAR && window.newer) void room.history.loadNewer()
  }

  // All that changes lines is read here and not further down: the place is kept around this.
  render({ room }: Props) {
    room.endWanted.value
    const pending = room.pending.value
    const rows = rowsOf({
      messages: room.history.window.value.messages,
      notices: room.presence.notices.value,
      unreadFrom: room.unreadFrom.value,
      dayOf: dayNumber,
    })
    return (
      <div class="transcript">
        <div
          class="transcript-scroller"
          ref={this.#scroller}
          role="log"
          aria-live="off"
          aria-label={strings.room.messages(room.name)}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: who has only a keyboard scrolls here.
          tabIndex={0}
          onScroll={this.#look}
        >
          <Beginning room={room} />
          <ol class="lines" ref={this.#list}>
            {this.#lines.render(rows, lastOwn(rows, room, pending))}
            {pending.map((item, at) => (
              <PendingLine
                key={item.id}
                item={item}
                room={room}
                opens={at === 0 && !continuesOwn(rows.at(-1), room)}
              />
            ))}
          </ol>
        </div>
        {!room.atEnd.value && <ToEnd room={room} />}
      </div>
    )
  }
}

/** The reader's last message, which alone says that it was sent; none while others wait. */
function lastOwn(rows: readonly Row[], room: Room, pending: readonly unknown[]): Row | undefined {
  if (pending.length > 0) return undefined
  return rows.findLast((row) => row.kind === 'message' && room.isOwn(row.message.user))
}

/** Whether a message of the reader's would stand under the name that is there. */
function continuesOwn(last: Row | undefined, room: Room): boolean {
  if (last?.kind !== 'message' || !room.isOwn(last.message.user)) return false
  const { user } = last.message
  return continues(last.message, { user, nick: room.nick.peek(), time: Date.now() })
}

/** What stands above the first line. */
function Beginning({ room }: Props) {
  const { messages, older } = room.history.window.value
  if (messages.length === 0) {
    return room.status.value === 'joined' ? (
      <EmptyRoom room={room.name} />
    ) : (
      <p class="hint">{strings.room.joining}</p>
    )
  }
  return <p class="beginning hint">{older ? strings.room.loadingOlder : strings.room.beginning}</p>
}

function ToEnd({ room }: Props) {
  return (
    <button type="button" class="to-end" onClick={() => void room.goToEnd()}>
      <Icon name="down" /> {strings.room.toEnd(room.unread.value)}
    </button>
  )
}
