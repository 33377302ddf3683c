-- Takes one call of every rate limit, or of none: GCRA, as limits/memory.py does it, by this server's clock.
--
-- `what` is "take" or "look". Of KEYS those behind `first_key` are an entry for each scope. Of ARGV those behind
-- `first` are for each scope how its limits are written, and their numbers: for each limit how many calls, what a
-- call costs and what all at once may (each in whole microseconds and a rest, of which as many as the limit make
-- one), and how far turns are apart.
-- An entry is how the limits are written that it was made under, a line end, the last turn that was told,
-- and for each limit when it is refilled (microseconds and the rest).
-- The answer: for how many microseconds to wait (0: taken), then of each limit what is to be refilled.
-- Or -1, the time and the entries: some were made under other limits.
local function rates(what, first_key, first)
  local take = what == 'take'
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local raw = redis.call('MGET', unpack(KEYS, first_key + 1))
  local scopes = {}
  local answer = {0}
  local late

  for i = 1, #KEYS - first_key do
    local written, packed = ARGV[first + 2 * i - 1], ARGV[first + 2 * i]
    local count = #packed / 48
    local numbers = {struct.unpack('<' .. string.rep('d', 6 * count), packed)}
    local state
    if raw[i] then
      local length = #written
      if string.byte(raw[i], length + 1) ~= 10 or string.sub(raw[i], 1, length) ~= written then
        local moved = {-1, string.format('%.0f', now)}
        for j = 1, #KEYS - first_key do moved[j + 2] = raw[j] or '' end
        return moved
      end
      state = {struct.unpack('<' .. string.rep('d', 2 * count + 1), raw[i], length + 2)}
    else
      state = {0}
    end
    local wait, apart = 0, 0
    local taken = {}
    for n = 0, count - 1 do
      local limit, cost, cost_rest, full, full_rest, own_apart = unpack(numbers, 6 * n + 1, 6 * n + 6)
      local owed, rest = (state[2 * n + 2] or 0) - now, state[2 * n + 3] or 0
      if owed < 0 then
        owed, rest = 0, 0
      elseif owed > full or (owed == full and rest > full_rest) then
        owed, rest = full, full_rest
      end
      state[2 * n + 2], state[2 * n + 3] = owed, rest
      local then_owed, then_rest = owed + cost, rest + cost_rest
      if then_rest >= limit then
        then_owed, then_rest = then_owed + 1, then_rest - limit
      end
      if then_owed > full or (then_owed == full and then_rest > full_rest) then
        local own = then_owed - full + math.ceil((then_rest - full_rest) / limit)
        if own > wait then wait = own end
        if own_apart > apart then apart = own_apart end
      end
      taken[2 * n + 2], taken[2 * n + 3] = then_owed, then_rest
    end
    if wait > 0 then
      late = late or {}
      late[#late + 1] = {wait, apart, state}
    end
    scopes[i] = {written, count, state, taken, raw[i] and true or false}
  end

  if late and take then
    local first = 0
    for _, one in ipairs(late) do if one[1] > first then first = one[1] end end
    local turn = now + first
    for _, one in ipairs(late) do
      if one[3][1] + one[2] > turn then turn = one[3][1] + one[2] end
    end
    if turn > now + 60000000 then turn = now + first end
    for _, one in ipairs(late) do one[3][1] = turn end
    answer[1] = turn - now
  end

  for i, scope in ipairs(scopes) do
    local written, count, state, taken, known = unpack(scope)
    if take and not late then
      taken[1] = state[1]
      state = taken
    end
    local longest = state[1] - now
    local packed = {struct.pack('<d', state[1])}
    for n = 0, count - 1 do
      local owed, rest = state[2 * n + 2], state[2 * n + 3]
      if owed >= longest then longest = owed + 1 end
      packed[n + 2] = struct.pack('<dd', now + owed, rest)
      if owed > 9e15 then owed = string.format('%.0f', owed) end
      answer[#answer + 1] = owed
      answer[#answer + 1] = rest
    end
    if take and longest > 0 and (known or not late) then
      local milliseconds = math.min(math.ceil(longest / 1000), 315360000000)
      redis.call('SET', KEYS[first_key + i], written .. '\n' .. table.concat(packed), 'PX', string.format('%.0f', milliseconds))
    end
  end
  return answer
end
