-- KEYS   a counter
-- ARGV   the most events in a window, the window, the penalty for each event past them, both in milliseconds: counts one;
--        nothing: takes one back
-- returns the events, and the milliseconds until the window ends

if #ARGV == 0 then
	local n = tonumber(redis.call('GET', KEYS[1]) or '0')
	if n > 1 then
		redis.call('DECR', KEYS[1])
	elseif n == 1 then
		redis.call('DEL', KEYS[1])
	end
	return {math.max(n - 1, 0), 0}
end

local n = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
local before = left
if left < 0 then
	left = tonumber(ARGV[2])
end
if n > tonumber(ARGV[1]) then
	left = left + tonumber(ARGV[3])
end
if left ~= before then
	redis.call('PEXPIRE', KEYS[1], left)
end
return {n, left}
