import type { Row } from '../model/rows.js'
import { Flag } from '../shared/flag.js'
import { dayName, fullTime, timeOfDay } from '../shared/format.js'
import { strings } from '../strings.js'
import { MessageText } from './message-text.js'

interface Props {
  readonly row: Row
  /** Whether the reader wrote it. */
  readonly own: boolean
  /** Whether to say that it was sent. */
  readonly sent: boolean
}

/** One line of a transcript. */
export function Line({ row, own, sent }: Props) {
  switch (row.kind) {
    case 'day':
      return (
        <li class="divider">
          <span>{dayName(row.time, Date.now())}</span>
        </li>
      )
    case 'unread':
      return (
        <li class="divider divider-unread">
          <span>{strings.room.unread}</span>
        </li>
      )
    case 'notice':
      return <NoticeLine notice={row.notice} />
    case 'message':
      return <MessageLine {...row} own={own} sent={sent} />
  }
}

function NoticeLine({ notice }: { readonly notice: Extract<Row, { kind: 'notice' }>['notice'] }) {
  const nicks = (people: typeof notice.joined) => people.map(({ nick }) => nick)
  return (
    <li class="notice">
      {notice.joined.length > 0 && <bdi>{strings.room.joined(nicks(notice.joined))}</bdi>}
      {notice.left.length > 0 && <bdi>{strings.room.left(nicks(notice.left))}</bdi>}
    </li>
  )
}

type MessageProps = Omit<Extract<Row, { kind: 'message' }>, 'kind' | 'key'> & {
  readonly own: boolean
  readonly sent: boolean
}

function MessageLine({ message, opens, own, sent }: MessageProps) {
  const { nick, time, offset, msg } = message
  const author = own ? strings.room.you : nick
  return (
    <li class={`line ${opens ? 'opens' : ''} ${own ? 'own' : ''}`} data-line={offset}>
      <span class="rail">{opens && <Flag of={nick} />}</span>
      <div class="line-body">
        {opens ? (
          <p class="line-head">
            <bdi class="nick">{author}</bdi>
            <time dateTime={new Date(time).toISOString()} title={fullTime(time)}>
              {timeOfDay(time)}
            </time>
          </p>
        ) : (
          <span class="visually-hidden">{author}: </span>
        )}
        <MessageText msg={msg} />
      </div>
      <span class="line-note">
        {sent ? (
          strings.room.sent
        ) : (
          <span class="line-number" aria-hidden="true" title={fullTime(time)}>
            {offset}
          </span>
        )}
      </span>
    </li>
  )
}
