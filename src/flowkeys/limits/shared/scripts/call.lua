-- Takes one call of every quota (spend.lua) and of every rate limit (rates.lua), or of none. ARGV: "take" or "look",
-- what quotas want, then what rate limits want. The answer: that of the quotas, then that of the rate limits, which
-- are only looked at when a quota has no room. Or -1: something is not loaded, or was made under other limits.
local keys = tonumber(ARGV[6])
local answer, commit, first = spend(keys)
if answer[1] < 0 then return answer end
local has_room = ARGV[1] == 'take' and answer[1] == 0
if #KEYS > keys then
  local taken = rates(has_room and 'take' or 'look', keys, first)
  if taken[1] == -1 then return {-1} end
  if taken[1] ~= 0 then has_room = false end
  for _, one in ipairs(taken) do answer[#answer + 1] = one end
end
if has_room then commit() end
return answer
