import { byteSize } from '../shared/format.js'
import { Chart } from './chart.js'
import { readings, stats } from './live.js'
import { words } from './words.js'

const { charts, figures } = words
const count = new Intl.NumberFormat()

/** The counters of this node, and how they moved. */
export function Overview() {
  const now = stats.value
  const past = readings.value
  const shown: readonly (readonly [string, string])[] = [
    [figures.connections, count.format(now?.connections ?? 0)],
    [figures.users, count.format(now?.users ?? 0)],
    [figures.rooms, count.format(now?.rooms ?? 0)],
    [figures.received, count.format(now?.received ?? 0)],
    [figures.sent, count.format(now?.sent ?? 0)],
    [figures.waiting, byteSize(now?.buffered ?? 0)],
    [figures.refused, count.format(now?.refused ?? 0)],
  ]
  return (
    <section class="panel" aria-labelledby="figures">
      <h2 id="figures">{figures.title}</h2>
      <dl class="figures">
        {shown.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <h3>{charts.title}</h3>
      <div class="charts">
        <Chart
          title={charts.connections}
          readings={past}
          lines={[{ name: charts.connections, read: (reading) => reading.connections }]}
        />
        <Chart
          title={charts.messages}
          readings={past}
          lines={[
            { name: charts.received, read: (reading) => reading.received },
            { name: charts.sent, read: (reading) => reading.sent },
          ]}
        />
        <Chart
          title={charts.append}
          readings={past}
          lines={[
            { name: charts.median, read: (reading) => reading.appendMedian },
            { name: charts.slow, read: (reading) => reading.appendSlow },
          ]}
        />
        <Chart
          title={charts.delivery}
          readings={past}
          lines={[{ name: charts.slow, read: (reading) => reading.deliverySlow }]}
        />
      </div>
    </section>
  )
}
