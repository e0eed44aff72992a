import {
  ClientGroup,
  type GroupOptions,
  type GroupReport,
} from '../test/helpers/rolling-clients.js'

/** What one process of clients is told to do; it answers each order when it is done. */
export type GroupOrder =
  | { readonly order: 'start' | 'settle' }
  | { readonly order: 'report'; readonly ends: Readonly<Record<string, number>> }

const group = new ClientGroup(JSON.parse(process.argv[2] as string) as GroupOptions)

process.on('message', async (order: GroupOrder) => {
  let report: GroupReport | undefined
  if (order.order === 'report') report = await group.report(order.ends)
  else if (order.order === 'settle') await group.settle()
  else await group.start()
  process.send?.(report ?? null)
})
