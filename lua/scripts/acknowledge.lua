-- acknowledge: the ledger shows these lapsed reservations. They stay a day for a settlement that comes late.
--
-- KEYS  1 held  2 lapsed  3 late
-- ARGV  1 how many may wait for a late settlement  then admissions
-- Returns  how many were acknowledged
-- Complexity  O(m log n); m admissions, n waiting.
local done = 0
for index = 2, #ARGV do
  local text = redis.call('HGET', KEYS[1], ARGV[index])
  local r = text and read(text)
  if r and r.phase == 'l' then
    r.phase = 'a'
    redis.call('HSET', KEYS[1], ARGV[index], written(r))
    redis.call('ZREM', KEYS[2], ARGV[index])
    redis.call('ZADD', KEYS[3], r.lease, ARGV[index])
    done = done + 1
  end
end
local function forget(ids)
  for _, id in ipairs(ids) do
    local text = redis.call('HGET', KEYS[1], id)
    -- One asked for again so late was admitted anew.
    if text and read(text).phase == 'a' then
      redis.call('HDEL', KEYS[1], id)
    end
    redis.call('ZREM', KEYS[3], id)
  end
end
forget(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', int(now - LATE_MS), 'LIMIT', 0, 100))
local waiting = redis.call('ZCARD', KEYS[3]) - tonumber(ARGV[1])
if waiting > 0 then
  forget(redis.call('ZRANGE', KEYS[3], 0, math.min(waiting, 100) - 1))
end
return done
