import { type Signal, useSignal } from '@preact/signals'
import { filterLog, type LogEntry, type LogFilter } from '../model/log.js'
import { Icon } from '../shared/icons.js'
import { strings } from '../strings.js'
import { exportLog } from './export.js'
import { LogLines } from './log-lines.js'
import type { Tester } from './tester.js'

const words = strings.echo
const DIRECTIONS: readonly LogFilter['direction'][] = ['all', 'out', 'in', 'event']

/** The communication log: what happened, when, how large and how fast. */
export function Log({ tester }: { readonly tester: Tester }) {
  const filter = useSignal<LogFilter>({ direction: 'all', text: '' })
  const log = tester.log.value
  return (
    <section class="log" aria-labelledby="log-title">
      <div class="log-head">
        <h2 id="log-title">{words.log}</h2>
        <Stats tester={tester} />
      </div>
      <div class="log-tools">
        <FilterFields filter={filter} />
        <button
          type="button"
          class="button quiet"
          disabled={log.length === 0}
          onClick={() => exportLog(log)}
        >
          <Icon name="download" /> {words.export}
        </button>
        <button type="button" class="button quiet" onClick={() => tester.clear()}>
          <Icon name="close" /> {words.clear}
        </button>
      </div>
      <LogLines entries={filterLog(log, filter.value)} empty={emptyText(log)} />
    </section>
  )
}

function emptyText(log: readonly LogEntry[]): string {
  return log.length === 0 ? words.emptyLog : words.nothingMatches
}

function FilterFields({ filter }: { readonly filter: Signal<LogFilter> }) {
  return (
    <>
      <select
        aria-label={words.filterDirection}
        value={filter.value.direction}
        onChange={(event) => {
          const direction = event.currentTarget.value as LogFilter['direction']
          filter.value = { ...filter.value, direction }
        }}
      >
        {DIRECTIONS.map((name) => (
          <option key={name} value={name}>
            {words.directions[name]}
          </option>
        ))}
      </select>
      <input
        type="search"
        aria-label={words.filterText}
        placeholder={words.filterText}
        value={filter.value.text}
        onInput={(event) => {
          filter.value = { ...filter.value, text: event.currentTarget.value }
        }}
      />
    </>
  )
}

function Stats({ tester }: { readonly tester: Tester }) {
  const { sent, received, fastest, median, slowest } = tester.stats.value
  return (
    <p class="hint stats">
      {words.counts(sent, received)}
      {fastest !== undefined && median !== undefined && slowest !== undefined && (
        <span>{words.roundTrips(fastest, median, slowest)}</span>
      )}
    </p>
  )
}
