-- revise: makes a revision of the project's configuration the newest known one, unless a newer one is.
--
-- KEYS  1 state
-- ARGV  1 rev  2 channel and 3 message that tell other processes
-- Returns  1 where it was new
-- Complexity  O(1).
if tonumber(ARGV[1]) <= tonumber(redis.call('HGET', KEYS[1], 'rev') or '0') then
  return 0
end
redis.call('HSET', KEYS[1], 'rev', ARGV[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
