-- renew: prolongs the leases of reservations under way.
--
-- KEYS  1 held  2 open
-- ARGV  admissions
-- Returns  those that are not known
-- Complexity  O(m log n); m admissions, n reservations under way.
local unknown = {}
for _, id in ipairs(ARGV) do
  local text = redis.call('HGET', KEYS[1], id)
  local r = text and read(text)
  if not r or is_over(r) then
    unknown[#unknown + 1] = id
  elseif r.phase == 'o' then
    r.lease = int(math.max(tonumber(r.lease), now + tonumber(r.lease_ms)))
    redis.call('HSET', KEYS[1], id, written(r))
    redis.call('ZADD', KEYS[2], r.lease, id)
  end
end
return unknown
