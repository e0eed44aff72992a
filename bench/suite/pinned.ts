import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'

const taskset = spawnSync('taskset', ['--version']).status === 0

/** The cores of server and generator, where there are two and they can be chosen. */
export const cores: { readonly server: number; readonly generator: number } | undefined =
  taskset && cpus().length > 1 ? { server: 0, generator: 1 } : undefined

/** A command that runs on one core only. */
export function pinned(
  command: readonly string[],
  core: number | undefined,
): [string, readonly string[]] {
  if (core === undefined) return [command[0] as string, command.slice(1)]
  return ['taskset', ['-c', String(core), ...command]]
}
