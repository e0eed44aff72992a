import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/**
 * Sets how garbage is collected. V8 shares the collection of young objects out among threads. That
 * shortens its pauses where there are cores for them; where there are none they only get in each
 * other's way.
 * @param processes of this service on this machine
 * @param cores that they may use
 * @param set takes a flag of V8
 */
export function tuneCollection(
  processes: number,
  cores = availableParallelism(),
  set: (flag: string) => void = setFlagsFromString,
): void {
  if (processes >= cores) set('--no-parallel-scavenge')
}
