-- A reservation, as text of 14 fields:
--   phase   o open, l lapsed, a acknowledged
--   plan    0 or 1
--   admitted_at, money, tokens, rate ("-" for none), lease_until, lease_ms
--   in_month, in_day   what the window's counters hold of it: 0 nothing, 1 reserved, 2 charged at the estimate
--   month, day         the codes of the windows it is booked into
--   key, customer ("-" for none)
local FIELDS = '^(%a) (%d) (%-?%d+) (%d+) (%d+) (%S+) (%-?%d+) (%d+) (%d) (%d) (%d+) (%d+) (%S+) (%S+)$'

local function read(text)
  local r = {}
  r.phase, r.plan, r.at, r.money, r.tokens, r.rate, r.lease, r.lease_ms, r.in_month, r.in_day, r.month, r.day,
    r.key, r.customer = string.match(text, FIELDS)
  return r
end

local function written(r)
  return table.concat({
    r.phase, r.plan, r.at, r.money, r.tokens, r.rate, r.lease, r.lease_ms, r.in_month, r.in_day, r.month, r.day,
    r.key, r.customer,
  }, ' ')
end

-- So long after its lease an acknowledged reservation may still be settled.
local LATE_MS = 86400000

local function is_over(r)
  return r.phase == 'a' and now - tonumber(r.lease) >= LATE_MS
end
