import { availableParallelism } from 'node:os'

/** How many processes serve clients, as the setting `WORKERS` says: a number, or `auto`. */
export function workerCount(setting: string): number {
  return setting === 'auto' ? availableParallelism() : Number(setting)
}
