-- seed: raises the settled amounts of one window, never lowers one.
--
-- KEYS  1 the window's counters  2 windows
-- ARGV  1 the window's code  2 1 where the window is whole after this  then field, amount, field, amount, …
-- Returns  how many were raised
-- Complexity  O(m); m amounts.
local raised = 0
for index = 3, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[index])
  if tonumber(ARGV[index + 1]) > tonumber(known or '0') then
    redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1])
    raised = raised + 1
  end
end
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'seeded', '1')
  redis.call('SADD', KEYS[2], ARGV[1])
end
return raised
