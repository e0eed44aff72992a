import { ENTRY_ID, NOW, script } from './script.js'

/**
 * The room's log in Redis. A message's stamp is the time at which it was stored, in microseconds,
 * made larger than the stamp before it: with its predecessor's stamp it says which history a
 * message belongs to, so that a node notices when a fail-over has put another one in its place.
 */

/** Keys: meta, log, ids, channel. See `append` in log.ts for the arguments. */
export const APPEND = script(`${NOW}${ENTRY_ID}
local meta, log, ids, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fresh_epoch, author, head, tail = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local history_count, history_time = tonumber(ARGV[5]), tonumber(ARGV[6])
local dedupe_time, lifetime = tonumber(ARGV[7]), ARGV[8]

local state = redis.call('HMGET', meta, 'epoch', 'offset', 'stamp')
-- A room's first message: what may be left of a log whose meta was lost is of another epoch.
if tonumber(state[2] or 0) == 0 then redis.call('DEL', log, ids) end
local stored = redis.call('HGET', ids, author)
if stored then
  -- Written once more, so that WAIT on this connection waits for it too.
  if ARGV[9] ~= '0' then redis.call('HSET', ids, author, stored) end
  return { state[1], stored, '0', 1 }
end

local epoch = state[1] or fresh_epoch
local offset = tonumber(state[2] or 0) + 1
local previous = tonumber(state[3] or 0)
local stamp = math.max(now(), previous + 1)
local id = entry_id(offset, stamp)
local link = string.format('%.0f', previous)
local time = string.format('%.0f', math.floor(stamp / 1000))
local json = head .. string.format('%.0f', offset) .. tail .. time .. '}'

redis.call('XADD', log, id, 'json', json, 'author', author)
redis.call('HSET', ids, author, id)
redis.call('HSET', meta, 'epoch', epoch, 'offset', offset, 'stamp', string.format('%.0f', stamp))
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], lifetime) end

local function expired(id)
  local o, s = parse_id(id)
  return s < stamp - dedupe_time and (o <= offset - history_count or s < stamp - history_time)
end
if offset % 16 == 0 then
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if oldest and expired(oldest[1]) then
    local last
    for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', 64)) do
      if not expired(entry[1]) then break end
      redis.call('HDEL', ids, entry[2][4])
      last = parse_id(entry[1])
    end
    redis.call('XTRIM', log, 'MINID', string.format('%.0f', last + 1))
    redis.call('HSET', meta, 'first', last + 1)
  end
end

redis.call('SPUBLISH', channel, 'm' .. epoch .. ' ' .. id .. ' ' .. link .. '\\n' .. json)
return { epoch, id, link, 0 }
`)

/** Makes a room known that is not, so that its epoch stays; it is forgotten after an hour. */
const POSITION = `
local function position(meta, fresh_epoch)
  local state = redis.call('HMGET', meta, 'epoch', 'offset', 'stamp', 'first', 'presence')
  if not state[1] then
    state[1] = fresh_epoch
    redis.call('HSET', meta, 'epoch', fresh_epoch)
    if redis.call('PTTL', meta) < 0 then redis.call('PEXPIRE', meta, 3600000) end
  end
  return state[1], tonumber(state[2] or 0), tonumber(state[3] or 0), tonumber(state[4] or 1),
    tonumber(state[5] or 0)
end
`

/**
 * What a node has missed. Keys: meta, log, changes, channel. Arguments: fresh epoch, lifetime of
 * the room, then what the node has: epoch ('' = nothing yet), offset, stamp, presence number.
 * When the node has more than the log, or another message at its offset, the log lost what the
 * node has delivered: the room gets a new epoch. Returns the room's state, the offset after which
 * the messages follow, whether the node must reset the room to that, messages, presence changes.
 */
export const CATCH_UP = script(`${ENTRY_ID}${POSITION}
local meta, log, changes, channel = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fresh_epoch, lifetime, known_epoch = ARGV[1], ARGV[2], ARGV[3]
local known, known_stamp, known_presence = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local epoch, offset, stamp, _, presence = position(meta, fresh_epoch)
if offset > 0 then redis.call('PEXPIRE', meta, lifetime, 'GT')
else redis.call('PEXPIRE', meta, 3600000, 'GT') end
local head = { epoch, offset, string.format('%.0f', stamp), presence }
if known_epoch == '' then return { head, offset, 0, {}, {} } end

local function is_mine()
  if known_epoch ~= epoch or known > offset then return false end
  if known == 0 then return true end
  if known == offset then return known_stamp == stamp end
  local entry = redis.call('XRANGE', log, known, known)[1]
  if not entry then return true end
  local _, s = parse_id(entry[1])
  return s == known_stamp
end

local function common_offset()
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if not oldest then return offset end
  local o, s = parse_id(oldest[1])
  if s > known_stamp then return o - 1 end
  local from = math.min(known, offset)
  while true do
    local entries = redis.call('XREVRANGE', log, from, '-', 'COUNT', 100)
    if #entries == 0 then return from end
    for _, entry in ipairs(entries) do
      o, s = parse_id(entry[1])
      if s <= known_stamp then return o end
      from = o - 1
    end
  end
end

local from, reset = known, 0
if not is_mine() then
  from, reset = common_offset(), 1
  if known_epoch == epoch then
    head[1] = fresh_epoch
    redis.call('HSET', meta, 'epoch', fresh_epoch)
    redis.call('SPUBLISH', channel, 'r')
  end
end

local messages, size = {}, 0
if from < offset then
  local entries = redis.call('XRANGE', log, from + 1, '+', 'COUNT', 500)
  local next_offset = entries[1] and parse_id(entries[1][1]) or offset + 1
  if next_offset > from + 1 then from, reset = next_offset - 1, 1 end
  for _, entry in ipairs(entries) do
    messages[#messages + 1] = entry[1]
    messages[#messages + 1] = entry[2][2]
    size = size + #entry[2][2]
    if size > 4000000 then break end
  end
end
local missed = {}
if known_presence < presence then
  for _, entry in ipairs(redis.call('XRANGE', changes, known_presence + 1, '+')) do
    missed[#missed + 1] = entry[2][2]
  end
end
return { head, from, reset, messages, missed }
`)

/** The oldest offset that readers see: what is beyond the limits is hidden before it is removed. */
const FIRST_VISIBLE = `
local function first_visible(log, offset, first, count, oldest_stamp)
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if not oldest then return offset + 1 end
  local low = math.max(first, offset - count + 1, (parse_id(oldest[1])))
  local function stamp_of(o)
    local entry = redis.call('XRANGE', log, o, '+', 'COUNT', 1)[1]
    if not entry then return nil end
    local _, s = parse_id(entry[1])
    return s
  end
  local function is_old(o)
    local s = stamp_of(o)
    return s == nil or s < oldest_stamp
  end
  if low > offset or not is_old(low) then return low end
  low = low + 1
  local high = offset + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_old(middle) then low = middle + 1 else high = middle end
  end
  return low
end
`

/**
 * A page. Keys: meta, log. Arguments: fresh epoch, history count, history time, direction, first
 * bound (after / before, or ''), upTo or '', limit, most bytes.
 */
export const READ = script(`${NOW}${ENTRY_ID}${POSITION}${FIRST_VISIBLE}
local meta, log = KEYS[1], KEYS[2]
local epoch, offset, _, kept = position(meta, ARGV[1])
local first = first_visible(log, offset, kept, tonumber(ARGV[2]), now() - tonumber(ARGV[3]))
local forward, bound, up_to = ARGV[4] == 'after', tonumber(ARGV[5]), tonumber(ARGV[6])
local limit, budget = tonumber(ARGV[7]), tonumber(ARGV[8])

local from, to = first, offset
if forward then
  from = math.max(bound + 1, first)
  if up_to then to = math.min(to, up_to) end
elseif bound then
  to = math.min(to, bound - 1)
end
local wanted = math.max(0, math.min(limit, to - from + 1))
local messages, size = {}, 0
while #messages / 2 < wanted and size <= budget do
  local count = math.min(100, wanted - #messages / 2)
  local entries = forward and redis.call('XRANGE', log, from + #messages / 2, to, 'COUNT', count)
    or redis.call('XREVRANGE', log, to - #messages / 2, from, 'COUNT', count)
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    messages[#messages + 1] = entry[1]
    messages[#messages + 1] = entry[2][2]
    size = size + #entry[2][2]
    if size > budget then break end
  end
end
return { epoch, offset, first, from, to, messages }
`)

/** What is in a room. Keys: meta, log, users. Arguments: history count, history time. */
export const DESCRIBE = script(`${NOW}${ENTRY_ID}${FIRST_VISIBLE}
local state = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'stamp', 'first')
local offset, kept = tonumber(state[2] or 0), tonumber(state[4] or 1)
local first = first_visible(KEYS[2], offset, kept, tonumber(ARGV[1]), now() - tonumber(ARGV[2]))
return { state[1] or '', offset, first, state[3] or '0', redis.call('ZCARD', KEYS[3]) }
`)

/** Keys: meta, log, ids, channel. Arguments: the new epoch, lifetime of a room. */
export const ERASE = script(`
redis.call('DEL', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'offset', 0, 'first', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('SPUBLISH', KEYS[4], 'r')
return 1
`)

export const LOG_SCRIPTS = [APPEND, CATCH_UP, READ, DESCRIBE, ERASE]
