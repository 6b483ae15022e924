-- Moves up to `most` reservations whose lease has ended from open to lapsed: each is charged at its estimate and its
-- slot is free. Counters of windows that are not declared stay as they are: nobody spends in those any more.
-- `months` and `days`: window code -> declared key.
local function free_slot(state, key)
  if redis.call('HINCRBY', state, 's' .. key, -1) <= 0 then
    redis.call('HDEL', state, 's' .. key)
  end
end

local function charge(window, r, mark, add_to)
  if r[mark] == '1' and window then
    local money = tonumber(r.money)
    add_to(window, r, money, 0 - money)
    r[mark] = '2'
  end
end

local function sweep(state, held, open, lapsed, months, days, most)
  local over = redis.call('ZRANGEBYSCORE', open, '-inf', int(now), 'LIMIT', 0, most)
  for _, id in ipairs(over) do
    redis.call('ZREM', open, id)
    local text = redis.call('HGET', held, id)
    if text then
      local r = read(text)
      charge(months[r.month], r, 'in_month', add_month)
      charge(days[r.day], r, 'in_day', add_day)
      free_slot(state, r.key)
      r.phase = 'l'
      redis.call('HSET', held, id, written(r))
      redis.call('ZADD', lapsed, r.lease, id)
    end
  end
  return #over
end
