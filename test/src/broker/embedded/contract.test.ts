import t from 'tap'
import { createEmbeddedBroker } from '../../../../src/broker/embedded/embedded.js'
import { openLmdbStore } from '../../../../src/broker/embedded/lmdb-store.js'
import { openLogStore } from '../../../../src/broker/embedded/log-store.js'
import { createMemoryStore } from '../../../../src/broker/embedded/memory-store.js'
import { systemClock } from '../../../../src/clock.js'
import { brokerContract } from '../../../contract/broker.js'

for (const durability of ['commit', 'flush'] as const) {
  const base = { clock: systemClock, durability }

  t.test(`the embedded broker over memory, ${durability}`, async (t) => {
    brokerContract(t, {
      open: async (settings) => {
        const store = createMemoryStore()
        return { node: () => createEmbeddedBroker({ ...base, ...settings, store }) }
      },
      durable: true,
      nodes: false,
    })
  })

  for (const [name, open] of [
    ['LMDB', openLmdbStore],
    ['LMDB with a journal', openLogStore],
  ] as const) {
    t.test(`the embedded broker over ${name}, ${durability}`, async (t) => {
      let labs = 0
      const root = t.testdir()
      brokerContract(t, {
        open: async (settings) => {
          const dir = `${root}/${labs++}`
          return {
            node: async () =>
              createEmbeddedBroker({ ...base, ...settings, store: await open({ dir }) }),
          }
        },
        durable: true,
        nodes: false,
      })
    })
  }
}
