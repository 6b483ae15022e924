-- reassert: gives a store that has lost its data the reservations back that are still under way.
--
-- No cap is looked at: the request is being served. One that has ended is left alone, and so is one that is there,
-- save that a window that was seeded since gets what it is to hold of it.
--
-- KEYS  1 state  2 held  3 open  then for each reservation: its month, its day, ended
-- ARGV  for each reservation: admission, and the reservation with nothing booked
-- Returns  how many were not there
-- Complexity  O(m log n); m reservations, n under way.
local came = 0
for index = 1, #ARGV, 2 do
  local id = ARGV[index]
  local first = 4 + (index - 1) / 2 * 3
  local month, day, ended = KEYS[first], KEYS[first + 1], KEYS[first + 2]
  local text = redis.call('HGET', KEYS[2], id)
  local r = nil
  if text then
    r = read(text)
  elseif redis.call('EXISTS', ended) == 0 then
    r = read(ARGV[index + 1])
    r.lease = int(now + tonumber(r.lease_ms))
    redis.call('HINCRBY', KEYS[1], 's' .. r.key, 1)
    redis.call('ZADD', KEYS[3], r.lease, id)
    came = came + 1
  end
  if r and r.phase == 'o' then
    local money = tonumber(r.money)
    if r.in_month == '0' and is_seeded(month) then
      add_month(month, r, 0, money)
      r.in_month = '1'
    end
    if r.in_day == '0' and is_seeded(day) then
      add_day(day, r, 0, money)
      r.in_day = '1'
    end
    redis.call('HSET', KEYS[2], id, written(r))
  end
end
return came
