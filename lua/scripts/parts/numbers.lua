-- Integers below 2^53 are exact in Lua's doubles; this is the only way one becomes text.
local function int(number)
  return string.format('%.0f', number)
end
