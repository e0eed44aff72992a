import { NOW, script } from './script.js'

/** The mark of a set that was taken away: no user has this id. */
export const RETIRED = ''

/**
 * Who is in a room, over all nodes. A user is in while at least one node holds the user; a node
 * holds its users in a set of its own, so that what a dead node leaves behind can be taken away.
 * A set that was taken away is marked for a while: what its node sent before may still come, by a
 * connection that was given up long ago but is read only now, and nobody would take it away again.
 * Keys of all: meta, users, nicks, held, changes, channel, holders.
 */
const CHANGES = `${NOW}
local meta, users, nicks, held, changes, channel, holders = unpack(KEYS)
local node = string.match(held, '.*:held:(.*)$')
local RETIRED = '${RETIRED}'
local function announce(change, user, nick)
  -- After a loss of everything the numbers go on above all that were ever seen.
  local first = redis.call('HSETNX', meta, 'presence', string.format('%.0f', now())) == 1
  if first then redis.call('DEL', changes) end
  local number = string.format('%.0f', redis.call('HINCRBY', meta, 'presence', 1))
  if redis.call('PTTL', meta) < 0 then redis.call('PEXPIRE', meta, 3600000) end
  local event = number .. '\\n' .. cjson.encode({
    change = change, user = user, nick = nick, count = redis.call('ZCARD', users)
  })
  redis.call('XADD', changes, 'MAXLEN', 256, number .. '-0', 'event', event)
  redis.call('PEXPIRE', changes, 120000)
  redis.call('SPUBLISH', channel, 'p' .. event)
end
local function drop(user)
  if redis.call('HINCRBY', nicks, 'c' .. user, -1) > 0 then return 0 end
  local nick = redis.call('HGET', nicks, 'n' .. user)
  redis.call('HDEL', nicks, 'n' .. user, 'c' .. user)
  redis.call('ZREM', users, user)
  announce('left', user, nick or user)
  return 1
end
`

/**
 * Arguments: user, nick, whether a nick that is there already stays ('1'), whether the node holds
 * somebody here already ('1'). Enters nobody, and returns -1, when Redis has lost those since: what a node
 * holds without a lease would be taken away by nobody.
 */
export const ENTER = script(`${CHANGES}
local user, nick, keep, holds = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lost = holds == '1' and redis.call('EXISTS', held) == 0
if lost or redis.call('SISMEMBER', held, RETIRED) == 1 then return { -1, 0 } end
if redis.call('SADD', held, user) == 1 then
  redis.call('HINCRBY', nicks, 'c' .. user, 1)
  redis.call('SADD', holders, node)
end
local before = redis.call('HGET', nicks, 'n' .. user)
local changed = before ~= nick and not (before and keep == '1')
if changed then
  redis.call('HSET', nicks, 'n' .. user, nick)
  redis.call('ZADD', users, 0, user)
  announce('joined', user, nick)
end
return { changed and 1 or 0, redis.call('ZCARD', users) }
`)

/**
 * Arguments: user, nick. Where Redis has lost who was there, the node is the last to know of the user: the
 * others are told by this, or they would never be.
 */
export const LEAVE = script(`${CHANGES}
local changed = 0
if redis.call('SREM', held, ARGV[1]) == 1 then
  changed = drop(ARGV[1])
elseif not redis.call('ZSCORE', users, ARGV[1]) and redis.call('SISMEMBER', held, RETIRED) == 0 then
  announce('left', ARGV[1], ARGV[2])
  changed = 1
end
if redis.call('EXISTS', held) == 0 then redis.call('SREM', holders, node) end
return { changed, redis.call('ZCARD', users) }
`)

/**
 * Announces that a user left of whom Redis has lost all, unless that was the last that was told of
 * the user. Arguments: user, nick.
 */
export const TELL_LEFT = script(`${CHANGES}
local user, nick = ARGV[1], ARGV[2]
if redis.call('ZSCORE', users, user) then return 0 end
for _, entry in ipairs(redis.call('XREVRANGE', changes, '+', '-')) do
  local change = cjson.decode(string.match(entry[2][2], '\\n(.*)$'))
  if change.user == user then
    if change.change == 'left' then return 0 end
    break
  end
end
announce('left', user, nick)
return 1
`)

/** Takes away what a node held, some users at a time, and marks it. Returns how many are left. */
export const EVICT = script(`${CHANGES}
redis.call('SREM', held, RETIRED)
for _, user in ipairs(redis.call('SPOP', held, 200)) do drop(user) end
local left = redis.call('SCARD', held)
if left == 0 then
  redis.call('SREM', holders, node)
  redis.call('SADD', held, RETIRED)
  redis.call('PEXPIRE', held, 600000)
end
return left
`)

/** A page of members. Keys: users, nicks. Arguments: continue after, limit + 1. */
export const MEMBERS = script(`
local min = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local found = redis.call('ZRANGEBYLEX', KEYS[1], min, '+', 'LIMIT', 0, ARGV[2])
local members = {}
for i, user in ipairs(found) do
  members[2 * i - 1] = user
  members[2 * i] = redis.call('HGET', KEYS[2], 'n' .. user) or user
end
return { members, redis.call('ZCARD', KEYS[1]) }
`)

/**
 * Renews a node's lease. Key: nodes. Arguments: node, length of a lease, whether it is new ('1').
 * Returns whether the lease was kept, and the nodes whose leases have ended.
 */
export const LEASE = script(`${NOW}
local time = now()
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
local kept = ARGV[3] == '1' or ends >= time
if kept then
  redis.call('ZADD', KEYS[1], string.format('%.0f', time + tonumber(ARGV[2])), ARGV[1])
end
local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', time), 'LIMIT', 0, 10)
return { kept and 1 or 0, ended }
`)

export const PRESENCE_SCRIPTS = [ENTER, LEAVE, TELL_LEFT, EVICT, MEMBERS, LEASE]
