-- The first part of admit: what it reads, and the shortest way out, an answer that the cache has.
-- Whatever is not as usual is left to the rest of the script.
if now < tonumber(ARGV[1]) or now >= tonumber(ARGV[2]) then
  return { 'clock', int(now) }
end
local id, key, customer, charged = ARGV[7], ARGV[8], ARGV[9], ARGV[11]

-- An answer begins with its version: 13 digits of when it ends, ':', and the admission that wrote it. Gives its text;
-- the empty text where the caller has this very version; nil where there is none.
local function look(have, index)
  if have ~= '' then
    local head = redis.call('GETRANGE', KEYS[index], 0, 39)
    if head == '' then
      return nil
    end
    if head == have and tonumber(string.sub(head, 1, 13)) > now then
      return ''
    end
  end
  local text = redis.call('GET', KEYS[index])
  if text and tonumber(string.sub(text, 1, 13)) > now then
    return text
  end
  return nil
end

local state, month, day
local function load()
  state = redis.call('HMGET', KEYS[1], 'rev', 'r' .. key, 't' .. key, 's' .. key, id)
  month = redis.call('HMGET', KEYS[4], 'seeded', 'p', 'rp', 'k' .. key, 'rk' .. key, 'c' .. customer, 'rc' .. customer)
  if customer ~= '' then
    day = redis.call('HMGET', KEYS[5], 'seeded', 'c' .. customer, 'rc' .. customer)
  else
    day = { false, false, false }
  end
end
load()

local function answer(code, one, two)
  local seen = int(now) .. '|' .. (state[1] or '') .. '|' .. (state[2] or '') .. '|' .. (state[3] or '') .. '|'
    .. (state[4] or '') .. '|' .. (month[2] or '') .. '|' .. (month[3] or '') .. '|' .. (month[4] or '') .. '|'
    .. (month[5] or '') .. '|' .. (month[6] or '') .. '|' .. (month[7] or '') .. '|' .. (day[2] or '') .. '|'
    .. (day[3] or '')
  return { code, seen, one, two }
end

local found = nil
if ARGV[27] ~= '0' then
  found = look(ARGV[26], tonumber(ARGV[27]))
end
if found and not state[5] and state[1] == ARGV[10] and month[1] and (day[1] or customer == '') then
  local paid = ''
  if ARGV[12] ~= '' and charged ~= 'rated' then
    paid = take(state[2], 1, tonumber(ARGV[12]))
  end
  if paid then
    if paid ~= '' then
      redis.call('HSET', KEYS[1], 'r' .. key, paid)
    end
    return answer('hit', '0', found)
  end
end
