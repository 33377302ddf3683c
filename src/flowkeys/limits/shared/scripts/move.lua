-- Puts entries that were made under other limits in the place of what they were, if they are that still.
-- KEYS: entries. ARGV: for each what it was, what it is to be, and for how many milliseconds.
for i = 1, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[3 * i - 2] then
    redis.call('SET', KEYS[i], ARGV[3 * i - 1], 'PX', ARGV[3 * i])
  end
end
return 0
