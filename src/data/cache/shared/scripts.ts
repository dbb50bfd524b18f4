/**
 * What Redis does in one step of its own. Every script looks at the generation first and does nothing in another one than it was told.
 * Versions are random texts that never come again: one that is lost (evicted, expired) is made anew and fits no stamp of before.
 */

/** KEYS: generation. ARGV: run id of the server, fresh. Gives the generation: made in this run of the server, or new. */
export const ADOPT = `
local now = redis.call('GET', KEYS[1])
local run = ARGV[1] .. ':'
if now and string.sub(now, 1, #run) == run then return now end
redis.call('SET', KEYS[1], run .. ARGV[2])
return run .. ARGV[2]`;

/** KEYS: generation, value, versions. ARGV: generation, fresh, time to live of versions. Gives generation, time left, versions. */
export const LOOK = `
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return {now} end
local told = {now, tostring(redis.call('PTTL', KEYS[2]))}
for at = 3, #KEYS do
  local version = redis.call('GET', KEYS[at])
  if not version then
    version = ARGV[2] .. '.' .. at
    redis.call('SET', KEYS[at], version, 'PX', ARGV[3])
  end
  told[at] = version
end
return told`;

/** KEYS: generation, mark, versions. ARGV: generation, fresh, time to live of versions, of the mark. Gives the generation. */
export const APPLY = `
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return now end
if redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) then
  for at = 3, #KEYS do redis.call('SET', KEYS[at], ARGV[2] .. '.' .. at, 'PX', ARGV[3]) end
end
return now`;

/** KEYS: versions. ARGV: time to live. */
export const PROLONG = `
for at = 1, #KEYS do redis.call('PEXPIRE', KEYS[at], ARGV[1]) end
return 1`;
