import { createHash } from 'node:crypto'

/** A Lua script that Redis runs as one atomic step. */
export interface Script {
  readonly text: string
  readonly sha: string
}

export function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** Redis' own clock, so that all nodes share one: microseconds since 1970. */
export const NOW = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
`

/** Entry ids are `<offset>-<stamp>`; both are whole numbers below 2^53. */
export const ENTRY_ID = `
local function entry_id(offset, stamp)
  return string.format('%.0f-%.0f', offset, stamp)
end
local function parse_id(id)
  local offset, stamp = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(offset), tonumber(stamp)
end
`
