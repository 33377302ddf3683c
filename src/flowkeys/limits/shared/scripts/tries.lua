-- Counts a try of a password under every name, unless one of them has to wait (service/people/throttle.py).
-- KEYS: the names; an entry is how many failed, and when the last did. ARGV: "begin", then for each name how many
-- are free, the first wait, the longest, and after how long all is forgotten, in microseconds; or "back".
-- The answer: for how many microseconds to wait first; 0: it is counted, or taken back.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local wait = 0
local counts = {}
for i, key in ipairs(KEYS) do
  local count, last = string.match(redis.call('GET', key) or '', '^(%d+) (%d+)$')
  counts[i] = {tonumber(count or 0), last or '0'}
  if ARGV[1] == 'begin' then
    local free, first, longest = unpack(ARGV, 4 * i - 2, 4 * i)
    local doublings = counts[i][1] - tonumber(free)
    if doublings >= 0 then
      local own = math.min(tonumber(first) * 2 ^ math.min(doublings, 32), tonumber(longest))
      wait = math.max(wait, math.min(tonumber(counts[i][2]) + own - now, own))
    end
  end
end
if wait > 0 then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
  if ARGV[1] == 'begin' then
    local lasts = string.format('%.0f', tonumber(ARGV[4 * i + 1]) / 1000)
    redis.call('SET', key, (counts[i][1] + 1) .. ' ' .. string.format('%.0f', now), 'PX', lasts)
  elseif counts[i][1] > 1 then
    redis.call('SET', key, (counts[i][1] - 1) .. ' ' .. counts[i][2], 'KEEPTTL')
  else
    redis.call('DEL', key)
  end
end
return 0
