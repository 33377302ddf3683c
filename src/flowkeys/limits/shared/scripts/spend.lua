-- Says whether every quota has room for a call and for tokens, and takes both.
--
-- KEYS: for each key or customer what it has used (a hash) and its reservations (a sorted set, by when they end),
-- of the first `keys` of them.
-- ARGV: what is not looked at here; how many tokens are reserved; the reservation, or nothing; the one that it
-- takes the place of, or nothing; for how many microseconds it lasts; how many `keys`; then for each key or
-- customer how many quotas it has, and of each what it counts in which steps ("cd": calls by day), the number of
-- the first step that counts, of the present one, of the first that does not count yet (a clock elsewhere may run
-- ahead a little, so that the next step counts), and how much may be used.
-- The answer: 0 (there is room), 1 (there is none) or -1 (something is not loaded); then for each key or customer
-- its generation, what others have reserved, and of each quota what is used, this call apart. With that a function
-- that takes, and how many of ARGV these were.
local function spend(keys)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local tokens, reservation, replaced, lasts = tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
  local answer = {0}
  local bumps, metered = {}, {}
  local at = 7

  local function earlier(used, meter, first, present)
    -- What was used before the last two steps: added up once a step. Old steps and old sums go with that.
    local all = redis.call('HGETALL', used)
    local sum = 0
    local kept = string.sub(meter, 2, 2) == 'd' and 400 or 120
    for n = 1, #all, 2 do
      local name = all[n]
      if string.sub(name, 1, 3) == meter .. ':' then
        local step = tonumber(string.sub(name, 4))
        if step >= first and step < present - 1 then sum = sum + tonumber(all[n + 1]) end
        if step < present - kept then redis.call('HDEL', used, name) end
      elseif string.sub(name, 1, 5) == 'S:' .. meter .. ':' and not string.find(name, ':' .. present, 6, true) then
        redis.call('HDEL', used, name)
      end
    end
    redis.call('HSET', used, 'S:' .. meter .. ':' .. first .. ':' .. present, sum)
    redis.call('PEXPIRE', used, 259200000)
    return sum
  end

  for i = 1, keys, 2 do
    local used, reserved = KEYS[i], KEYS[i + 1]
    local count = tonumber(ARGV[at])
    local names, has_tokens = {'g'}, false
    for n = 0, count - 1 do
      local meter, first, present = unpack(ARGV, at + 5 * n + 1, at + 5 * n + 3)
      names[5 * n + 2] = 'm:' .. meter
      names[5 * n + 3] = 'S:' .. meter .. ':' .. first .. ':' .. present
      names[5 * n + 4] = meter .. ':' .. string.format('%d', tonumber(present) - 1)
      names[5 * n + 5] = meter .. ':' .. present
      names[5 * n + 6] = meter .. ':' .. string.format('%d', tonumber(present) + 1)
      has_tokens = has_tokens or string.sub(meter, 1, 1) == 't'
    end
    local values = redis.call('HMGET', used, unpack(names))
    if not values[1] then return {-1} end
    local others = 0
    if has_tokens then
      redis.call('ZREMRANGEBYSCORE', reserved, '-inf', string.format('%.0f', now))
      for _, member in ipairs(redis.call('ZRANGE', reserved, 0, -1)) do
        if member ~= replaced then others = others + tonumber(string.match(member, ':(%d+)$')) end
      end
      metered[#metered + 1] = reserved
    end
    answer[#answer + 1] = values[1]
    answer[#answer + 1] = others
    for n = 0, count - 1 do
      local meter = ARGV[at + 5 * n + 1]
      local first, present = tonumber(ARGV[at + 5 * n + 2]), tonumber(ARGV[at + 5 * n + 3])
      local ends, amount = tonumber(ARGV[at + 5 * n + 4]), tonumber(ARGV[at + 5 * n + 5])
      if not values[5 * n + 2] then return {-1} end
      local sum = tonumber(values[5 * n + 5] or 0)
      if first < present then sum = sum + tonumber(values[5 * n + 4] or 0) end
      if first < present - 1 then sum = sum + tonumber(values[5 * n + 3] or earlier(used, meter, first, present)) end
      if present + 1 < ends then sum = sum + tonumber(values[5 * n + 6] or 0) end
      answer[#answer + 1] = sum
      if string.sub(meter, 1, 1) == 't' then
        if tokens > 0 and sum + others + tokens > amount then answer[1] = 1 end
      else
        if sum + 1 > amount then answer[1] = 1 end
        bumps[used .. '\n' .. names[5 * n + 5]] = {used, names[5 * n + 5]}
      end
    end
    at = at + 5 * count + 1
  end

  local function commit()
    for _, bump in pairs(bumps) do redis.call('HINCRBY', bump[1], bump[2], 1) end
    if reservation ~= '' then
      for _, reserved in ipairs(metered) do
        if replaced ~= '' then redis.call('ZREM', reserved, replaced) end
        redis.call('ZADD', reserved, string.format('%.0f', now + lasts), reservation)
        redis.call('PEXPIRE', reserved, string.format('%.0f', lasts / 500))
      end
    end
  end
  return answer, commit, at - 1
end
