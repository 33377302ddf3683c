-- Adds to what a key or customer has used, and ends a reservation.
-- KEYS: what it has used, its reservations. ARGV: the reservation, or nothing; then names of steps and amounts.
-- The answer: 0 when what it has used is not loaded; then nothing is added.
if ARGV[1] ~= '' then redis.call('ZREM', KEYS[2], ARGV[1]) end
if redis.call('HEXISTS', KEYS[1], 'g') == 0 then return 0 end
for n = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[n], ARGV[n + 1]) end
return 1
