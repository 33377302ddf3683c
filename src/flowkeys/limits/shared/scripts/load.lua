-- Puts what is stored of a key or customer where nothing is, or adds what is to be counted in other steps from
-- now on: whichever process comes first.
-- KEYS: what it has used. ARGV: its generation, which must be that which is there if there is one; how many meters
-- follow ("cd"); those; then names of steps and amounts.
-- The answer: 1 when it was put or added.
local known = redis.call('HGET', KEYS[1], 'g')
if known and known ~= ARGV[1] then return 0 end
local meters = tonumber(ARGV[2])
local fresh = 0
for n = 3, meters + 2 do fresh = fresh + redis.call('HSETNX', KEYS[1], 'm:' .. ARGV[n], 1) end
if fresh == 0 and known then return 0 end
redis.call('HSET', KEYS[1], 'g', ARGV[1])
for n = meters + 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[n], ARGV[n + 1]) end
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(name, 1, 2) == 'S:' then redis.call('HDEL', KEYS[1], name) end
end
redis.call('PEXPIRE', KEYS[1], 259200000)
return 1
