-- lapsed: sweeps leases that have ended, and tells of reservations that the ledger does not show yet.
--
-- KEYS  1 state  2 held  3 open  4 lapsed  5 windows  6 month  7 day  8 month before  9 day before
-- ARGV  1-4 the codes of the windows  5 how many at most
-- Returns  now, the codes of all windows that have counters, then admission, reservation, admission, …
-- Complexity  O(m log n); m swept, n under way.
sweep(KEYS[1], KEYS[2], KEYS[3], KEYS[4],
  { [ARGV[1]] = KEYS[6], [ARGV[3]] = KEYS[8] }, { [ARGV[2]] = KEYS[7], [ARGV[4]] = KEYS[9] }, ARGV[5])
local answer = { int(now), table.concat(redis.call('SMEMBERS', KEYS[5]), ' ') }
if tonumber(ARGV[5]) > 0 then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, tonumber(ARGV[5]) - 1)) do
    answer[#answer + 1] = id
    answer[#answer + 1] = redis.call('HGET', KEYS[2], id)
  end
end
return answer
