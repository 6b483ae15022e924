-- raise: raises a reservation to more money and tokens, against the same caps, for the difference alone.
--
-- KEYS  1 state  2 held  3 month  4 day (both of its admission)
-- ARGV  1 admission  2 money  3 tokens
--       4 project month  5 key month  6 customer day  7 customer month  8 customer request  ('' = no cap)
-- Returns  gone; or raised | refused, now, rev, request bucket, token bucket, slots, of the month: seeded, p, rp, k, rk,
--       c, rc, of the day: seeded, c, rc, and the reservation as it was. The caller computes what to tell from it.
-- Complexity  O(1).
local text = redis.call('HGET', KEYS[2], ARGV[1])
local r = text and read(text)
if not r or r.phase ~= 'o' then
  return { 'gone' }
end
local key, customer = r.key, r.customer
local state = redis.call('HMGET', KEYS[1], 'rev', 'r' .. key, 't' .. key, 's' .. key)
local month = redis.call('HMGET', KEYS[3], 'seeded', 'p', 'rp', 'k' .. key, 'rk' .. key, 'c' .. customer, 'rc' .. customer)
local day = redis.call('HMGET', KEYS[4], 'seeded', 'c' .. customer, 'rc' .. customer)
local function answer(code)
  return {
    code, int(now), state[1], state[2], state[3], state[4],
    month[1], month[2], month[3], month[4], month[5], month[6], month[7], day[1], day[2], day[3], text,
  }
end

local held, holds = tonumber(r.money), tonumber(r.tokens)
local money, tokens = math.max(tonumber(ARGV[2]), held), math.max(tonumber(ARGV[3]), holds)
local extra = money - held
local bucket_after = nil
if r.rate ~= '-' and tokens > holds then
  local rate = tonumber(r.rate)
  bucket_after = tokens <= rate and take(state[3], tokens - holds, rate) or nil
  if not bucket_after then
    return answer('refused')
  end
end
local function passes(settled, reserved, cap)
  if cap == '' then
    return false
  end
  cap = tonumber(cap)
  return cap <= 0 or tonumber(settled or '0') + tonumber(reserved or '0') + extra > cap
end
if extra > 0 then
  local over = passes(month[2], month[3], ARGV[4]) or passes(month[4], month[5], ARGV[5])
  if customer ~= '-' and not over then
    local one = ARGV[8]
    over = passes(day[2], day[3], ARGV[6]) or passes(month[6], month[7], ARGV[7])
      or (one ~= '' and (tonumber(one) <= 0 or money > tonumber(one)))
  end
  if over then
    return answer('refused')
  end
end
if bucket_after then
  redis.call('HSET', KEYS[1], 't' .. key, bucket_after)
end
if month[1] and r.in_month == '1' then
  add_month(KEYS[3], r, 0, extra)
end
if day[1] and r.in_day == '1' then
  add_day(KEYS[4], r, 0, extra)
end
r.money, r.tokens = int(money), int(tokens)
redis.call('HSET', KEYS[2], ARGV[1], written(r))
return answer('raised')
