-- Takes of rate limits (rates.lua). ARGV: "take" or "look", and what that wants.
return rates(ARGV[1], 0, 1)
