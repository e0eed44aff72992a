import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type NodeList, totalOf } from '../model/nodes.js'
import { type Reading, Readings, type Stats } from '../model/readings.js'
import type { AdminApi } from './api.js'
import { noteFailure } from './session.js'

/** How often the counters are read, milliseconds. */
const EVERY = 2000

/** The nodes as they were last, their counters together, and the points of the charts. */
export const nodes = signal<NodeList | undefined>(undefined)
export const stats = signal<Stats | undefined>(undefined)
export const readings = signal<readonly Reading[]>([])
/** Whether the last answer came. */
export const answering = signal(true)

/** Reads the counters as long as a component shows them and the page can be seen. */
export function useLive(api: AdminApi): void {
  useEffect(() => {
    const kept = new Readings()
    let busy = false
    const read = async () => {
      if (busy || document.hidden) return
      busy = true
      try {
        const list = await api.nodes()
        nodes.value = list
        stats.value = totalOf(list)
        kept.add(stats.value)
        readings.value = kept.all
        answering.value = true
      } catch (error) {
        answering.value = false
        noteFailure(error)
      }
      busy = false
    }
    void read()
    const timer = setInterval(() => void read(), EVERY)
    return () => clearInterval(timer)
  }, [api])
}
