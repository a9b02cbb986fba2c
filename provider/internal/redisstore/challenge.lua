-- The one script for challenges. It knows versions, not rules.
--
-- KEYS   the record, "<version>;<node>,<node>,;<challenge>", and the tombstone to be; in a cluster a node is "<node>{<shard>}"
-- ARGV   "await", version, node: answers what there is; if that is not newer, registers the node
--        "swap", expected version (0: none yet), version, challenge ("" when it is final), its end, tombstone, its end,
--        when the challenge began (0: now): writes if the version is the expected one, and tells the nodes that wait
-- returns the time, 1 if it wrote, and otherwise the challenge, or its tombstone, or ""
-- Times are milliseconds since 1970; the ends are milliseconds since the challenge began. A challenge and its tombstone are
-- kept as "<when it began>;<bytes>", so that a new one can be written before anybody has asked what time it is.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local record = redis.call('GET', KEYS[1])
local version, nodes, challenge = '0', '', ''
if record then
	version, nodes, challenge = string.match(record, '^(%d+);([^;]*);(.*)$')
else
	challenge = redis.call('GET', KEYS[2]) or ''
end

-- Without a record, a challenge is a tombstone: that one is never written over.
if ARGV[1] == 'swap' and tonumber(version) == tonumber(ARGV[2]) and (record or challenge == '') then
	local began = tonumber(ARGV[8])
	if began == 0 then
		began = now
	end
	local function keep(key, before, bytes, last)
		local value = before .. string.format('%.0f;', began) .. bytes
		redis.call('SET', key, value, 'PX', math.max(began + tonumber(last) - now, 1))
	end
	if ARGV[4] == '' then
		redis.call('DEL', KEYS[1])
	else
		keep(KEYS[1], ARGV[3] .. ';;', ARGV[4], ARGV[5])
	end
	keep(KEYS[2], '', ARGV[6], ARGV[7])
	for node in string.gmatch(nodes, '[^,]+') do
		local name, shard = string.match(node, '^([^{]*)(.*)$')
		-- In a cluster a node listens at each shard. Should the shard of its channel be another by now, all of the cluster is told.
		if shard == '' or type(redis.pcall('SPUBLISH', 'qrlogin:node:' .. node, KEYS[1])) == 'table' then
			redis.call('PUBLISH', 'qrlogin:node:' .. name, KEYS[1])
		end
	end
	return {now, 1, ''}
end

if ARGV[1] == 'await' and record and tonumber(version) <= tonumber(ARGV[2])
	and not string.find(nodes, ARGV[3] .. ',', 1, true) then
	redis.call('SET', KEYS[1], version .. ';' .. nodes .. ARGV[3] .. ',;' .. challenge, 'KEEPTTL')
end
return {now, 0, challenge}
