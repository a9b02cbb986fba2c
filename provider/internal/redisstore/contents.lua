-- The one script for contents.
--
-- KEYS   the room: a hash of all contents, "<its end>;<bytes reserved>" each; and one content: a list of the bytes that may still
--        come, and its chunks
-- ARGV   "reserve", name, bytes, time to live, the bytes that all may take
--        "append", chunk
--        "keep", name, time to live
--        "remove", name
-- returns 1 if it did that, 0 when there is no room, -1 when there is no such content, or when there is one already
-- Times are milliseconds, ends since 1970. A content and its place in the room end together; each change sweeps out of the room what
-- has ended, and has the room end with the last.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function sweep()
	local taken, last = 0, now
	local all = redis.call('HGETALL', KEYS[1])
	for i = 1, #all, 2 do
		local ends, size = string.match(all[i + 1], '^(%d+);(%d+)$')
		if tonumber(ends) <= now then
			redis.call('HDEL', KEYS[1], all[i])
		else
			taken = taken + tonumber(size)
			last = math.max(last, tonumber(ends))
		end
	end
	redis.call('PEXPIRE', KEYS[1], last - now)
	return taken
end

local function place(name, size, ttl)
	redis.call('HSET', KEYS[1], name, string.format('%.0f;%.0f', now + tonumber(ttl), tonumber(size)))
	redis.call('PEXPIRE', KEYS[2], ttl)
	sweep()
end

local exists = redis.call('EXISTS', KEYS[2]) == 1

if ARGV[1] == 'reserve' then
	if sweep() + tonumber(ARGV[3]) > tonumber(ARGV[5]) then
		return 0
	end
	if exists then
		return -1
	end
	redis.call('RPUSH', KEYS[2], ARGV[3])
	place(ARGV[2], ARGV[3], ARGV[4])
	return 1
end

if ARGV[1] == 'remove' then
	redis.call('HDEL', KEYS[1], ARGV[2])
	redis.call('UNLINK', KEYS[2])
	sweep()
	return 1
end

if not exists then
	return -1
end

if ARGV[1] == 'append' then
	local left = tonumber(redis.call('LINDEX', KEYS[2], 0)) - #ARGV[2]
	if left < 0 then
		return 0
	end
	redis.call('LSET', KEYS[2], 0, string.format('%.0f', left))
	redis.call('RPUSH', KEYS[2], ARGV[2])
	return 1
end

-- keep
local size = string.match(redis.call('HGET', KEYS[1], ARGV[2]) or '', ';(%d+)$')
if not size then
	return -1
end
place(ARGV[2], size, ARGV[3])
return 1
