import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'
import { Bystander } from './bystander.js'

/**
 * Chats on in a thread of its own, so that what the test does meanwhile does not count. Answers
 * each message with the times that its own messages took since the last one, milliseconds.
 */
const { url, token } = workerData as { url: string; token: string }
const bystander = await Bystander.connect(url, token)
let times: number[] = []

parentPort?.on('message', () => {
  parentPort?.postMessage(times)
  times = []
})
parentPort?.postMessage('ready')

for (;;) {
  const start = performance.now()
  if (!(await bystander.chats())) throw new Error('a message was out of order')
  times.push(performance.now() - start)
  await new Promise((resolve) => setTimeout(resolve, 2))
}
