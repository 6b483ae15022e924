-- admit: takes all that a request needs, or nothing.
--
-- The order is that of limits::decide: revision, windows present, request rate, then for each plan: exact cache, token
-- rate, slots, caps. The caller computes what to tell (levels, waits, what is left) from the state that comes back,
-- with limits::decide itself; here is decided only whether, and what is written. Begins in parts/hit.lua.
--
-- KEYS  1 state  2 open  3 lapsed  4 month  5 day (both of the store's today, as the caller believes)  6 ended
--       then, where ARGV names them: month before, day before, leader, answers of plan 1 and 2
-- ARGV  1 day begins  2 day ends (ms)  3 month  4 day (codes)  5 month before  6 day before (codes, or '')
--       7 admission  8 key  9 customer or ''  10 rev  11 charge: full | rate | rated
--       12 requests a minute  13 tokens a minute  14 slots  ('' = no limit)
--       15 project month  16 key month  17 customer day  18 customer month  19 customer request  ('' = no cap)
--       20 lease (ms)  21 most expired leases to sweep  22 index of the leader's key or 0
--       23 plan 1: money  24 tokens  25 1 where the caller has the answer  26 its version or ''  27 index of its key or 0
--       28 second plan on: '' never | c | o | a (customer's caps, project's and key's, any)  29-33 plan 2 as 23-27
-- Returns  code, and for all codes but clock what it decided on: now, rev, request bucket, token bucket, slots, of the
--       month p, rp, k, rk, c, rc, of the day c, rc, with | between; then what the code brings:
--       clock     the caller's day is not the store's: nothing was changed; the time in place of all else
--       seed      1 or 0: the month is there; 1 or 0: the day is there
--       again     the reservation that this admission has already
--       reload    the caller's revision is older
--       hit       plan; the stored answer, empty where the caller has it
--       follow    the request rate was paid, and nothing held
--       wait      as follow: another process's request for the same answer is under way
--       admitted  plan
--       refused
--       ended     this admission was given up before it came here: nothing was taken
-- Complexity  O(1), and O(log n) for each lease swept; n reservations under way.
local months, days = { [ARGV[3]] = KEYS[4] }, { [ARGV[4]] = KEYS[5] }
if ARGV[5] ~= '' then
  months[ARGV[5]], days[ARGV[6]] = KEYS[7], KEYS[8]
end
if sweep(KEYS[1], KEYS[1], KEYS[2], KEYS[3], months, days, ARGV[21]) > 0 then
  load()
end
if charged ~= 'rate' and state[5] and not is_over(read(state[5])) then
  return answer('again', state[5])
end

local rev, newest = tonumber(ARGV[10]), tonumber(state[1] or '0')
if rev < newest then
  return answer('reload')
end
if rev > newest then
  redis.call('HSET', KEYS[1], 'rev', ARGV[10])
end
if not month[1] or (customer ~= '' and not day[1]) then
  return answer('seed', month[1] and '1' or '0', day[1] and '1' or '0')
end

-- What is written of the state in the end, all at once.
local kept = { KEYS[1] }
if ARGV[12] ~= '' and charged ~= 'rated' then
  local paid = take(state[2], 1, tonumber(ARGV[12]))
  if not paid then
    return answer('refused')
  end
  kept = { KEYS[1], 'r' .. key, paid }
end
local function pay()
  if #kept > 1 then
    redis.call('HSET', unpack(kept))
  end
end

local function passes(settled, reserved, cap, money)
  if cap == '' then
    return false
  end
  cap = tonumber(cap)
  return cap <= 0 or tonumber(settled or '0') + tonumber(reserved or '0') + money > cap
end

-- Whether a plan fits: the token bucket after it ('' for no rate), or nil and which caps failed: '' none, c, o, a both.
local function fits(at)
  local money, tokens = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local bucket_after = ''
  if ARGV[13] ~= '' then
    bucket_after = take(state[3], tokens, tonumber(ARGV[13]))
    if not bucket_after then
      return nil, ''
    end
  end
  if ARGV[14] ~= '' and tonumber(state[4] or '0') >= tonumber(ARGV[14]) then
    return nil, ''
  end
  local owner = passes(month[2], month[3], ARGV[15], money) or passes(month[4], month[5], ARGV[16], money)
  local of_customer = false
  if customer ~= '' then
    local one = ARGV[19]
    of_customer = passes(day[2], day[3], ARGV[17], money) or passes(month[6], month[7], ARGV[18], money)
      or (one ~= '' and (tonumber(one) <= 0 or money > tonumber(one)))
  end
  if owner or of_customer then
    return nil, owner and of_customer and 'a' or owner and 'o' or 'c'
  end
  return bucket_after
end

if found or ARGV[25] == '1' then
  pay()
  return answer('hit', '0', found or '')
end
if charged == 'rate' then
  pay()
  return answer('follow')
end
local leader = tonumber(ARGV[22])
if leader > 0 then
  local leading = redis.call('GET', KEYS[leader])
  local call = leading and leading ~= id and redis.call('HGET', KEYS[1], leading)
  if call then
    call = read(call)
    if call.phase == 'o' and tonumber(call.lease) > now then
      pay()
      return answer('wait')
    end
  end
end

local plan, at = '0', 23
local tokens_after, failed = fits(at)
if not tokens_after then
  local on = ARGV[28]
  if on == '' or failed == '' or (on ~= 'a' and on ~= failed) then
    return answer('refused')
  end
  plan, at = '1', 29
  local index = tonumber(ARGV[33])
  local other = index > 0 and look(ARGV[32], index)
  if other or ARGV[31] == '1' then
    pay()
    return answer('hit', plan, other or '')
  end
  tokens_after = fits(at)
  if not tokens_after then
    return answer('refused')
  end
end

if redis.call('GET', KEYS[6]) == '1' then
  return answer('ended')
end
local lease = int(now + tonumber(ARGV[20]))
local r = {
  phase = 'o', plan = plan, at = int(now), money = ARGV[at], tokens = ARGV[at + 1],
  rate = ARGV[13] == '' and '-' or ARGV[13], lease = lease, lease_ms = ARGV[20],
  in_month = '1', in_day = '1', month = ARGV[3], day = ARGV[4],
  key = key, customer = customer == '' and '-' or customer,
}
if tokens_after ~= '' then
  kept[#kept + 1], kept[#kept + 2] = 't' .. key, tokens_after
end
kept[#kept + 1], kept[#kept + 2] = 's' .. key, int(tonumber(state[4] or '0') + 1)
kept[#kept + 1], kept[#kept + 2] = id, written(r)
pay()
local money = tonumber(r.money)
local project, of_key = tonumber(month[3] or '0') + money, tonumber(month[5] or '0') + money
local in_month, in_day = tonumber(month[7] or '0') + money, tonumber(day[3] or '0') + money
if math.max(project, of_key, in_month, in_day) > MOST then
  -- Beyond what a double holds exactly the store adds up by itself.
  add_month(KEYS[4], r, 0, money)
  add_day(KEYS[5], r, 0, money)
elseif money > 0 then
  if customer == '' then
    redis.call('HSET', KEYS[4], 'rp', int(project), 'rk' .. key, int(of_key))
  else
    redis.call('HSET', KEYS[4], 'rp', int(project), 'rk' .. key, int(of_key), 'rc' .. customer, int(in_month))
    redis.call('HSET', KEYS[5], 'rc' .. customer, int(in_day))
  end
end
redis.call('ZADD', KEYS[2], lease, id)
if leader > 0 and plan == '0' then
  redis.call('SET', KEYS[leader], id, 'PX', 3600000)
end
return answer('admitted', plan)
