-- Has reservations last longer, those of runs that are under way. KEYS: where they are. ARGV: for how many
-- microseconds, then the reservations.
local time = redis.call('TIME')
local lasts = tonumber(ARGV[1])
local ends = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]) + lasts)
for i = 1, #KEYS do
  redis.call('ZADD', KEYS[i], ends, ARGV[i + 1])
  redis.call('PEXPIRE', KEYS[i], string.format('%.0f', lasts / 500))
end
return 0
