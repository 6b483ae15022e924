-- Part of every script that needs the time: the store's clock, never the caller's. Milliseconds since 1970.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
