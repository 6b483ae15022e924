-- inspect: what is settled and reserved, and how many reservations are under way. Changes nothing.
--
-- KEYS  1 open  then windows
-- ARGV  for each counter: the index of its window's key, its field
-- Returns  reservations under way, then settled, reserved, settled, …
-- Complexity  O(m); m counters.
local answer = { redis.call('ZCARD', KEYS[1]) }
for index = 1, #ARGV, 2 do
  local field = ARGV[index + 1]
  local found = redis.call('HMGET', KEYS[tonumber(ARGV[index])], field, 'r' .. field)
  answer[#answer + 1] = found[1] or '0'
  answer[#answer + 1] = found[2] or '0'
end
return answer
