-- admit: takes all that a request needs, or nothing.
--
-- The order is that of limits::decide: revision, windows present, request rate, then for each plan: exact cache, token
-- rate, slots, caps. The caller computes what to tell (levels, waits, what is left) from the state that comes back,
-- with limits::decide itself; here is decided only whether, and what is written.
--
-- KEYS  1 state  2 held  3 open  4 lapsed  5 month  6 day (both of the store's today, as the caller believes)
--       7 month before  8 day before  9 ended  then, where ARGV names them: answers of plan 1 and 2, leader
-- ARGV  1 day begins  2 day ends (ms)  3 month  4 day  5 month before  6 day before (codes)
--       7 admission  8 key  9 customer or ''  10 rev  11 charge: full | rate | rated
--       12 requests a minute  13 tokens a minute  14 slots  ('' = no limit)
--       15 project month  16 key month  17 customer day  18 customer month  19 customer request  ('' = no cap)
--       20 lease (ms)  21 most expired leases to sweep  22 index of the leader's key or 0
--       23 plan 1: money  24 tokens  25 1 where the caller has the answer  26 its version or ''  27 index of its key or 0
--       28 second plan on: '' never | c | o | a (customer's caps, project's and key's, any)  29-33 plan 2 as 23-27
-- Returns  code, now, then for all codes but clock: rev, request bucket, token bucket, slots, of the month p, rp, k, rk,
--       c, rc, of the day c, rc; then what the code brings:
--       clock     the caller's day is not the store's: nothing was changed
--       seed      1 or 0: the month is there; 1 or 0: the day is there
--       again     the reservation that this admission has already
--       reload    the caller's revision is older
--       hit       plan; the stored answer, or nothing where the caller has it
--       follow    the request rate was paid, and nothing held
--       wait      as follow: another process's request for the same answer is under way
--       admitted  plan
--       refused
--       ended     this admission was given up before it came here: nothing was taken
-- Complexity  O(1), and O(log n) for each lease swept; n reservations under way.
if now < tonumber(ARGV[1]) or now >= tonumber(ARGV[2]) then
  return { 'clock', int(now) }
end
sweep(KEYS[1], KEYS[2], KEYS[3], KEYS[4],
  { [ARGV[3]] = KEYS[5], [ARGV[5]] = KEYS[7] }, { [ARGV[4]] = KEYS[6], [ARGV[6]] = KEYS[8] }, ARGV[21])

local id, key, customer, charged = ARGV[7], ARGV[8], ARGV[9], ARGV[11]
local state = redis.call('HMGET', KEYS[1], 'rev', 'r' .. key, 't' .. key, 's' .. key)
local month = redis.call('HMGET', KEYS[5], 'seeded', 'p', 'rp', 'k' .. key, 'rk' .. key, 'c' .. customer, 'rc' .. customer)
local day = { false, false, false }
if customer ~= '' then
  day = redis.call('HMGET', KEYS[6], 'seeded', 'c' .. customer, 'rc' .. customer)
end

local function answer(code, one, two)
  return {
    code, int(now), state[1], state[2], state[3], state[4],
    month[2], month[3], month[4], month[5], month[6], month[7], day[2], day[3], one or false, two or false,
  }
end

if charged ~= 'rate' then
  local known = redis.call('HGET', KEYS[2], id)
  if known and not is_over(read(known)) then
    return answer('again', known)
  end
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

local paid = nil
if ARGV[12] ~= '' and charged ~= 'rated' then
  paid = take(state[2], 1, tonumber(ARGV[12]))
  if not paid then
    return answer('refused')
  end
end
local function pay()
  if paid then
    redis.call('HSET', KEYS[1], 'r' .. key, paid)
  end
end

-- Whether the answer to a plan is known, and its text where the caller has not got it. An answer begins with its
-- version: 13 digits of when it ends, ':', and the admission that wrote it.
local function known(at)
  local cached, have, index = ARGV[at + 2] == '1', ARGV[at + 3], tonumber(ARGV[at + 4])
  if index == 0 then
    return cached, nil
  end
  local text
  if cached then
    text = redis.call('GETRANGE', KEYS[index], 0, 39)
    if text == '' or text == have or tonumber(string.sub(text, 1, 13)) <= now then
      return true, nil
    end
  end
  text = redis.call('GET', KEYS[index])
  if text and tonumber(string.sub(text, 1, 13)) > now then
    return true, text
  end
  return cached, nil
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

local cached, text = known(23)
if cached then
  pay()
  return answer('hit', '0', text)
end
if charged == 'rate' then
  pay()
  return answer('follow')
end
local leader = tonumber(ARGV[22])
if leader > 0 then
  local leading = redis.call('GET', KEYS[leader])
  local call = leading and leading ~= id and redis.call('HGET', KEYS[2], leading)
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
  cached, text = known(at)
  if cached then
    pay()
    return answer('hit', plan, text)
  end
  tokens_after = fits(at)
  if not tokens_after then
    return answer('refused')
  end
end

if redis.call('GET', KEYS[9]) == '1' then
  return answer('ended')
end
pay()
if tokens_after ~= '' then
  redis.call('HSET', KEYS[1], 't' .. key, tokens_after)
end
redis.call('HINCRBY', KEYS[1], 's' .. key, 1)
local lease = int(now + tonumber(ARGV[20]))
local r = {
  phase = 'o', plan = plan, at = int(now), money = ARGV[at], tokens = ARGV[at + 1],
  rate = ARGV[13] == '' and '-' or ARGV[13], lease = lease, lease_ms = ARGV[20],
  in_month = '1', in_day = '1', month = ARGV[3], day = ARGV[4],
  key = key, customer = customer == '' and '-' or customer,
}
local money = tonumber(r.money)
add_month(KEYS[5], r, 0, money)
add_day(KEYS[6], r, 0, money)
redis.call('HSET', KEYS[2], id, written(r))
redis.call('ZADD', KEYS[3], lease, id)
if leader > 0 and plan == '0' then
  redis.call('SET', KEYS[leader], id, 'PX', 3600000)
end
return answer('admitted', plan)
