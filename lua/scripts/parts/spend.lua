-- Spend counters: a hash for each window. `seeded` says that it is whole; `p`, `k<key>`, `c<customer>` are settled
-- amounts, the same with `r` before it reserved ones. A missing field is 0; a window that is not seeded is unknown.

-- Adds to what is settled and to what is reserved of one counter. What is reserved is never below 0.
local function add(window, field, settled, reserved)
  if settled ~= 0 then
    redis.call('HINCRBY', window, field, int(settled))
  end
  if reserved ~= 0 and redis.call('HINCRBY', window, 'r' .. field, int(reserved)) <= 0 then
    redis.call('HDEL', window, 'r' .. field)
  end
end

-- Books on every counter of one window that a reservation touches.
local function add_month(window, r, settled, reserved)
  add(window, 'p', settled, reserved)
  add(window, 'k' .. r.key, settled, reserved)
  if r.customer ~= '-' then
    add(window, 'c' .. r.customer, settled, reserved)
  end
end

local function add_day(window, r, settled, reserved)
  if r.customer ~= '-' then
    add(window, 'c' .. r.customer, settled, reserved)
  end
end

local function is_seeded(window)
  return redis.call('HEXISTS', window, 'seeded') == 1
end
