import { type Counted, type Remembered, StoreUnavailable } from '../broker.js'
import type { Keys } from './keys.js'
import { NOW, script } from './script.js'
import type { Shards } from './shards.js'

/** Values kept at the same time: what a few tens of megabytes hold. */
const MAX_VALUES = 100_000
const MAX_KEY_LENGTH = 600
const MAX_VALUE_LENGTH = 8192

/** Removes what is past its lifetime, some at a time. Keys of all: values, expiries. */
const PRUNE = `${NOW}
local values, expiries = KEYS[1], KEYS[2]
local time = math.floor(now() / 1000)
for _, key in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', time, 'LIMIT', 0, 100)) do
  redis.call('HDEL', values, key)
  redis.call('ZREM', expiries, key)
end
`

const REMEMBER = script(`${PRUNE}
local key, value, lifetime, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('HLEN', values) >= most and redis.call('HEXISTS', values, key) == 0 then return 0 end
redis.call('HSET', values, key, value)
redis.call('ZADD', expiries, string.format('%.0f', time + lifetime), key)
return 1
`)

const TAKE = script(`${PRUNE}
local expires = tonumber(redis.call('ZSCORE', expiries, ARGV[1]) or 0)
local value = redis.call('HGET', values, ARGV[1])
redis.call('HDEL', values, ARGV[1])
redis.call('ZREM', expiries, ARGV[1])
return expires > time and value
`)

const LIST = script(`${PRUNE}
local found, all = {}, redis.call('ZRANGEBYSCORE', expiries, '(' .. time, '+inf', 'WITHSCORES')
for i = 1, #all, 2 do
  if string.sub(all[i], 1, #ARGV[1]) == ARGV[1] then
    found[#found + 1] = all[i]
    found[#found + 1] = redis.call('HGET', values, all[i])
    found[#found + 1] = all[i + 1]
  end
end
return found
`)

const COUNT = script(`
local count, left = redis.call('INCR', KEYS[1]), redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
`)

export const VALUES_SCRIPTS = [REMEMBER, TAKE, LIST, COUNT]

/** Small values with a lifetime, in one slot. */
export class Values {
  readonly #shards: Shards
  readonly #slot: number
  readonly #keys: string[]
  readonly #counter: Keys['counter']

  constructor(shards: Shards, keys: Keys) {
    const { values, expiries } = keys
    this.#counter = (key) => keys.counter(key)
    this.#shards = shards
    this.#slot = values.slot
    this.#keys = [values.name, expiries.name]
  }

  async remember(key: string, value: string, lifetime: number): Promise<void> {
    const tooLong = key.length > MAX_KEY_LENGTH || value.length > MAX_VALUE_LENGTH
    if (key === '' || tooLong) throw new RangeError('the key or value to remember is too long')
    const args = [key, value, String(lifetime), String(MAX_VALUES)]
    const kept = await this.#shards.run(this.#slot, REMEMBER, this.#keys, args)
    if (kept === 0) throw new StoreUnavailable(`at most ${MAX_VALUES} values are remembered`)
  }

  async take(key: string): Promise<string | undefined> {
    const value = await this.#shards.run<string | null>(this.#slot, TAKE, this.#keys, [key])
    return value ?? undefined
  }

  /** Each key is a key of Redis, which forgets it by itself. */
  async count(key: string, window: number): Promise<Counted> {
    const { slot, name } = this.#counter(key)
    const args = [String(window)]
    const [count, left] = await this.#shards.run<[number, number]>(slot, COUNT, [name], args)
    return { count, left }
  }

  async list(prefix: string): Promise<Remembered[]> {
    const found = await this.#shards.run<string[]>(this.#slot, LIST, this.#keys, [prefix])
    const values: Remembered[] = []
    for (let i = 0; i < found.length; i += 3) {
      const [key = '', value = '', expires] = found.slice(i, i + 3)
      values.push({ key, value, expires: Number(expires) })
    }
    return values
  }
}
