-- settle: ends a reservation at what it truly cost. Never refused; a second time it changes nothing.
--
-- It is booked in the windows it was admitted in, over any cap. What was reserved is read from the store's own record.
-- It also keeps the answer in the cache, until the time that the answer has.
--
-- KEYS  1 state  2 held  3 open  4 lapsed  5 late  6 month  7 day (both of its admission)  8 ended
--       9 answer, where there is one to keep
-- ARGV  1 admission  2 money  3 tokens  4 key  5 customer or '-'
--       6 1 where it was served without a reservation and is to be counted  7 the month's code  8 the day's
--       9 ms until the answer ends, or ''  10 how it is kept and the answer
-- Returns  booked | late | already; or, with nothing booked, when it was admitted, where that is in other windows
-- Complexity  O(log n); n reservations under way.
if ARGV[9] ~= '' and tonumber(ARGV[9]) > 0 then
  local ends = string.format('%013.0f', now + tonumber(ARGV[9]))
  redis.call('SET', KEYS[9], ends .. ':' .. ARGV[1] .. ARGV[10], 'PX', ARGV[9])
end

local id, cost = ARGV[1], tonumber(ARGV[2])
local text = redis.call('HGET', KEYS[2], id)
if not text then
  -- Remembered for a while: it is counted once, is not taken for one that the store has lost, and where its
  -- admission was given up and is still on its way here, that takes nothing any more.
  local first = redis.call('SET', KEYS[8], ARGV[6], 'NX', 'PX', 3600000)
  if ARGV[6] ~= '1' or not first then
    return 'already'
  end
  local r = { key = ARGV[4], customer = ARGV[5] }
  if is_seeded(KEYS[6]) then
    add_month(KEYS[6], r, cost, 0)
  end
  if is_seeded(KEYS[7]) then
    add_day(KEYS[7], r, cost, 0)
  end
  return 'booked'
end

local r = read(text)
if r.month ~= ARGV[7] or r.day ~= ARGV[8] then
  -- The caller, who never had the store's answer, is wrong about the day.
  return r.at
end
if ARGV[6] == '1' then
  -- Asked again because the answer was lost, it must not be counted as one without a reservation.
  redis.call('SET', KEYS[8], '1', 'PX', 3600000)
end
redis.call('HDEL', KEYS[2], id)
redis.call('ZREM', r.phase == 'o' and KEYS[3] or r.phase == 'l' and KEYS[4] or KEYS[5], id)
if is_over(r) then
  return 'already'
end

if r.rate ~= '-' then
  -- What has drained since it was admitted is not given back twice; use beyond the reservation is debt.
  local granted = tonumber(r.rate)
  local used, at, rate = bucket(redis.call('HGET', KEYS[1], 't' .. r.key))
  if rate == 0 then
    -- One that was not kept, being empty, drains at the rate of the reservation.
    used, at = advanced(used, at, rate, granted)
    rate = granted
  else
    used, at = advanced(used, at, rate, rate)
  end
  local reserved = math.min(tonumber(r.tokens) * UNIT, MOST)
  local actual = math.min(tonumber(ARGV[3]) * UNIT, MOST)
  if actual > reserved then
    used = math.min(used + (actual - reserved), MOST)
  else
    local drained = math.max(0, at - tonumber(r.at)) * math.max(granted, rate)
    local back = math.min(reserved - actual, math.max(0, reserved - drained))
    used = math.max(0, used - back)
  end
  redis.call('HSET', KEYS[1], 't' .. r.key, pack(used, at, rate))
end

-- Reads and writes the counters of one window together. `fields`: which.
local function book(window, mark, fields)
  local asked = { 'seeded' }
  for _, field in ipairs(fields) do
    asked[#asked + 1], asked[#asked + 2] = field, 'r' .. field
  end
  local known = redis.call('HMGET', window, unpack(asked))
  if not known[1] then
    return
  end
  local money = tonumber(r.money)
  local settled = mark == '2' and cost - money or cost
  local given_back = mark == '1' and money or 0
  local kept, gone = { window }, { window }
  for at, field in ipairs(fields) do
    local spent = tonumber(known[at * 2] or '0') + settled
    if math.abs(spent) > MOST then
      redis.call('HINCRBY', window, field, int(settled))
    elseif settled ~= 0 then
      kept[#kept + 1], kept[#kept + 2] = field, int(spent)
    end
    local reserved = tonumber(known[at * 2 + 1] or '0')
    if given_back > 0 and reserved > MOST then
      redis.call('HINCRBY', window, 'r' .. field, int(0 - given_back))
    elseif given_back > 0 and reserved > given_back then
      kept[#kept + 1], kept[#kept + 2] = 'r' .. field, int(reserved - given_back)
    elseif given_back > 0 and known[at * 2 + 1] then
      gone[#gone + 1] = 'r' .. field
    end
  end
  if #kept > 1 then
    redis.call('HSET', unpack(kept))
  end
  if #gone > 1 then
    redis.call('HDEL', unpack(gone))
  end
end
local named = r.customer ~= '-'
book(KEYS[6], r.in_month, named and { 'p', 'k' .. r.key, 'c' .. r.customer } or { 'p', 'k' .. r.key })
if named then
  book(KEYS[7], r.in_day, { 'c' .. r.customer })
end
if r.phase ~= 'o' then
  return 'late'
end
free_slot(KEYS[1], r.key)
return 'booked'
