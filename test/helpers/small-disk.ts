import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** Why no small disk can be mounted here; undefined when one can. */
export const noSmallDisk = findObstacle()

/**
 * Mounts a disk of a few megabytes, until the test's end.
 * @returns the folder that it is mounted at
 */
export function mountSmallDisk(t: Test, megabytes: number): string {
  const disk = mkdtempSync(join(tmpdir(), 'parley-disk-'))
  mount(disk, megabytes)
  t.teardown(() => {
    spawnSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true })
  })
  return disk
}

function findObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root to mount a small disk'
  const dir = mkdtempSync(join(tmpdir(), 'parley-disk-'))
  const { status, error } = mount(dir, 1)
  if (status === 0) spawnSync('umount', [dir])
  rmSync(dir, { recursive: true })
  return status === 0 ? undefined : `cannot mount a small disk ${error?.message ?? ''}`
}

function mount(dir: string, megabytes: number) {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'parley-test', dir])
}
