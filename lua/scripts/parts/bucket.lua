-- One rate limit: a bucket of `rate` units that drains evenly, as text "used at rate" (see limits/bucket.rs).
-- A unit is 60,000 parts, so that a rate of r units a minute drains exactly r parts each millisecond.
-- The one product that may pass 2^53, elapsed x rate, is only subtracted and held at zero.
local UNIT = 60000
local MOST = 9007199254740991

local function bucket(text)
  if not text then
    return 0, 0, 0
  end
  local used, at, rate = string.match(text, '^(%d+) (%-?%d+) (%d+)$')
  return tonumber(used), tonumber(at), tonumber(rate)
end

local function pack(used, at, rate)
  return int(used) .. ' ' .. int(at) .. ' ' .. int(rate)
end

-- The bucket as it stands now under `rate`: parts in use, and since when.
local function advanced(used, at, old, rate)
  if now > at then
    used = math.max(0, used - (now - at) * old)
    at = now
  end
  if rate ~= old then
    local debt = math.max(0, used - old * UNIT)
    used = math.min(math.min(used - debt, rate * UNIT) + debt, MOST)
  end
  return used, at
end

-- The bucket after `units` were taken of it, as text; nil where they do not fit.
local function take(text, units, rate)
  if rate == 0 or units > rate then
    return nil
  end
  local used, at, old = bucket(text)
  used, at = advanced(used, at, old, rate)
  local filled = used + units * UNIT
  if filled > rate * UNIT then
    return nil
  end
  return pack(filled, at, rate)
end
