-- follow: whether the answer is there that another process is calling for. Changes nothing.
--
-- KEYS  1 held  2 leader  3 answer
-- Returns  answer and its text; wait; or gone, where nobody calls for it any more
-- Complexity  O(1).
local text = redis.call('GET', KEYS[3])
if text and tonumber(string.sub(text, 1, 13)) > now then
  return { 'answer', int(now), text }
end
local leading = redis.call('GET', KEYS[2])
local call = leading and redis.call('HGET', KEYS[1], leading)
if call then
  call = read(call)
  if call.phase == 'o' and tonumber(call.lease) > now then
    return { 'wait' }
  end
end
return { 'gone' }
