-- Counts a failed credential of an address, unless there have been too many (limits/failures.py).
-- KEYS: the address. ARGV: how many microseconds one failure weighs, and how many all at once may.
-- The answer: for how many microseconds its failures weigh now.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local one, all = tonumber(ARGV[1]), tonumber(ARGV[2])
local weight = tonumber(redis.call('GET', KEYS[1]) or now) - now
if weight < 0 or weight > all then weight = 0 end
if weight + one > all then return weight end
weight = weight + one
redis.call('SET', KEYS[1], string.format('%.0f', now + weight), 'PX', string.format('%d', math.ceil(weight / 1000)))
return weight
