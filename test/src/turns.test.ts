import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { Turns } from '../../src/turns.js'

const nextTurn = () => new Promise(setImmediate)

t.test('a burst begins some at a time, in its order', async (t) => {
  const turns = new Turns(3)
  const begun: number[] = []
  for (let n = 0; n < 8; n++) turns.run(() => begun.push(n))
  t.strictSame(begun, [0, 1, 2], 'at once')
  t.equal(turns.waiting, 5)
  await nextTurn()
  t.strictSame(begun, [0, 1, 2, 3, 4, 5])
  turns.run(() => begun.push(8))
  t.equal(turns.waiting, 3, 'who comes later does not overtake')
  await nextTurn()
  t.strictSame(begun, [0, 1, 2, 3, 4, 5, 6, 7, 8])
  t.equal(turns.waiting, 0)
})

t.test('what comes one at a time begins at once', async (t) => {
  const turns = new Turns(1)
  let begun = 0
  for (let n = 1; n <= 5; n++) {
    turns.run(() => begun++)
    t.equal(begun, n)
    await nextTurn()
  }
})

t.test('a task of a later turn is still in its own context', async (t) => {
  const turns = new Turns(1)
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  for (const name of ['a', 'b', 'c']) {
    storage.run(name, () => turns.run(() => seen.push(storage.getStore())))
  }
  while (turns.waiting > 0) await nextTurn()
  t.strictSame(seen, ['a', 'b', 'c'])
})

t.test('a task that begins others does not jump the queue', async (t) => {
  const turns = new Turns(1)
  const begun: string[] = []
  turns.run(() => {
    begun.push('first')
    turns.run(() => begun.push('third'))
  })
  turns.run(() => begun.push('fourth'))
  while (turns.waiting > 0) await nextTurn()
  t.strictSame(begun, ['first', 'third', 'fourth'])
})
