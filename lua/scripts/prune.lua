-- prune: removes counters of windows that are over, and buckets that have drained.
--
-- KEYS  1 state  2 windows  then the counters to remove
-- ARGV  1 where to go on looking for buckets  then the codes of the windows to remove
-- Returns  where to go on next time; 0 after all were looked at
-- Complexity  O(1) and what is looked at; counters are freed in the background.
for index = 2, #ARGV do
  redis.call('UNLINK', KEYS[index + 1])
  redis.call('SREM', KEYS[2], ARGV[index])
end
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 200)
local fields = page[2]
for index = 1, #fields, 2 do
  local kind = string.sub(fields[index], 1, 1)
  if (kind == 'r' or kind == 't') and fields[index] ~= 'rev' then
    local used, at, rate = bucket(fields[index + 1])
    if advanced(used, at, rate, rate) == 0 and at <= now then
      redis.call('HDEL', KEYS[1], fields[index])
    end
  end
end
return page[1]
