-- What a user would write instead of FW.ADMIT: the same checks, in the same order, on a hash.
-- benches/server.rs compares the two.
--
-- KEYS[1]  the account
-- ARGV     cost [hold-id amount]      amounts in micro-dollars
--
-- It is less than FW.ADMIT: its window is weighed from two minutes, so it admits and denies what an
-- exact one would not; holds never lapse; there is no month, no tier, no scope, no token window.
-- Replies verdict, policy, limit, remaining, reset_ms, retry_after_ms.

local key, cost, id, amount = KEYS[1], tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3] or 0)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local account = redis.call('HMGET', key, 'blocked', 'failed', 'method', 'credits', 'spent', 'held',
  'limit', 'open', 'concurrency', 'rate', 'minute', 'count', 'before')
local function number(at, default) return tonumber(account[at]) or default end
local credits, spent, held = number(4, 0), number(5, 0), number(6, 0)
local limit, open, concurrency = number(7, 50000000), number(8, 0), number(9, 1000)
local rate, minute = number(10, 9000000000000), number(11, 0)
local count, before = number(12, 0), number(13, 0)
local method = account[3] ~= 'no'

local this = math.floor(now / 60000)
if this > minute then
  before = this == minute + 1 and count or 0
  count, minute = 0, this
end
local into = now - this * 60000
local used = count + math.ceil(before * (60000 - into) / 60000)
local remaining = math.max(0, rate - used)
local reset = used == 0 and 0 or (count > 0 and 120000 or 60000) - into

local function reply(verdict, policy, left, retry)
  return { { ok = verdict }, policy, rate, left, reset, retry }
end

if id then
  local known = redis.call('HGET', key, 'hold:' .. id)
  if known then
    if tonumber(known) ~= amount then return redis.error_reply('CONFLICT another amount') end
    return reply('DUPLICATE', 'requests', remaining, 0)
  end
end

local reasons = {}
if account[1] then reasons[#reasons + 1] = 'blocked' end
if number(2, 0) > 0 then reasons[#reasons + 1] = 'payment_failed' end
if not method and credits == 0 then reasons[#reasons + 1] = 'no_payment_method' end
if spent >= limit then reasons[#reasons + 1] = 'spend_limit' end
if #reasons > 0 then return reply('SUSPENDED', table.concat(reasons, ','), remaining, -1) end
if cost > rate then return reply('TOO_LARGE', 'requests', remaining, -1) end
if id then
  if amount > limit then return reply('TOO_LARGE', 'spend', remaining, -1) end
  if spent + amount > limit then return reply('OVER_BUDGET', 'spend', remaining, -1) end
  if not method and amount > credits then return reply('OVER_BUDGET', 'credits', remaining, -1) end
end
if used + cost > rate then return reply('RATE_LIMITED', 'requests', remaining, reset) end
if id then
  if open >= concurrency then return reply('CONCURRENCY_LIMITED', 'concurrency', remaining, 1000) end
  if spent + held + amount > limit then return reply('IN_FLIGHT', 'spend', remaining, 1000) end
  if not method and held + amount > credits then return reply('IN_FLIGHT', 'credits', remaining, 1000) end
  redis.call('HSET', key, 'hold:' .. id, amount, 'held', held + amount, 'open', open + 1)
end
if cost > 0 then
  redis.call('HSET', key, 'minute', minute, 'count', count + cost, 'before', before)
end
return reply('OK', 'requests', math.max(0, remaining - cost), 0)
