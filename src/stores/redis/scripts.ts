import { createHash } from "node:crypto";

/** A script of the engine, called by its hash. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(...parts: readonly string[]): Script {
  const text = parts.join("\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

// All keys that a script touches are in KEYS and, in a cluster, share one hash tag. Numbers up to 2^53 are exact in Lua, but its
// own way of writing them is not: they stay texts as far as possible and are written by '%.0f' where they are computed.
//
// What runs at every request has no functions: the engine makes each anew at every call of a script. Texts are counted with as they
// are, for 'tonumber' is a call, and what they consist of is looked at by the pattern that takes them apart anyway.

/** What a text by `encodeText` may consist of; two of them stand for the secret hash and the labels, which have spaces before. */
const META_PATTERN =
  "[=[^1 (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+) ([^ ;]+) ([%w:_.@!~*'()%%-]*)([%w:_.@!~*'()%% -]*);$]=]";

/** What is done with what was read of KEYS[1], or of the key of that name. */
const parted = (key: string, refuse: (why: "newer" | "corrupt" | "nothing") => string): string => `
local read = redis.pcall('HMGET', ${key}, '=', ':~format')
if read.err then
  if string.find(read.err, 'WRONGTYPE', 1, true) then ${refuse("corrupt")} end
  return error(read.err)
end
local meta, format = read[1], read[2]
if not meta then ${refuse("nothing")} end
if format and (tonumber(format) or 0) > 1 then ${refuse("newer")} end
local epoch, version, created, accessed, expires, ends, entry, hash, labels = string.match(meta, ${META_PATTERN})
if not epoch then
  if (tonumber(string.match(meta, '^(%d+) ')) or 0) > 1 then ${refuse("newer")} end
  ${refuse("corrupt")}
end
-- What has no sixteen digits is a number that is exact.
if #epoch > 15 or #version > 15 or #created > 15 or #accessed > 15 or #expires > 15 or #ends > 15 then
  for _, text in ipairs({ epoch, version, created, accessed, expires, ends }) do
    local number = tonumber(text)
    if not number or number < -9007199254740991 or number > 9007199254740991 then ${refuse("corrupt")} end
  end
end
if string.find(meta, '%', 1, true) and string.find(string.gsub(hash .. labels, '%%%x%x', ''), '%', 1, true) then
  ${refuse("corrupt")}
end`;

/**
 * Takes the record of KEYS[1] apart, and ends the script where a writer at ARGV[2], of the epoch ARGV[3] and the version ARGV[4],
 * if any, may not write.
 */
const ADMITTED = `${parted("KEYS[1]", (why) => `return '${why === "newer" ? "newer" : "gone"}'`)}
if expires - ARGV[2] <= 0 then return 'gone' end
if epoch ~= ARGV[3] then return 'stale' end
if ARGV[4] ~= '' and version ~= ARGV[4] then return 'conflict' end`;

/**
 * The registry KEYS[2] says that KEYS[1] of the id ARGV[1] is dropped after `ttl` ms by the engine's own clock, at `at`. It comes before
 * whatever else a script writes, which would stay when the registry turns out to be none and the script fails.
 */
const ENLIST = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local at = string.format('%.0f', now + ttl)
redis.call('ZADD', KEYS[2], at, ARGV[1])
if redis.call('PTTL', KEYS[2]) < ttl then
  -- An hour more, so that not every touch has to move it.
  redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', now + ttl + 3600000))
end`;

/** The engine keeps KEYS[1] for `ttl` ms. */
const KEEP = `${ENLIST}
redis.call('PEXPIREAT', KEYS[1], at)`;

const TTL = `local ttl = math.max(expires - ARGV[2], 0) + ARGV[5]`;

/** Sets the names and texts of ARGV behind `last`, beside the meta text: in one call, or a few where a call cannot take so many. */
const setBehind = (last: string, meta: string): string => `
redis.call('HSET', KEYS[1], '=', ${meta}, unpack(ARGV, ${last} + 1, math.min(${last} + 2000, #ARGV)))
for at = ${last} + 2001, #ARGV, 2000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, at, math.min(at + 1999, #ARGV)))
end`;

/**
 * ARGV[first] names to remove follow it, and then names and texts to set. Removing comes first: a user who may not is then refused
 * before anything was written.
 */
const written = (first: number): string => `
local last = ${first} + ARGV[${first}]
for at = ${first + 1}, last do redis.call('HDEL', KEYS[1], ARGV[at]) end
local meta = '1 ' .. epoch .. ' ' .. version .. ' ' .. created .. ' ' .. accessed .. ' ' .. expires .. ' ' .. ends
  .. ' ' .. entry .. ' ' .. hash .. labels .. ';'
${setBehind("last", "meta")}
return version`;

const FOLLOWING = `version = string.format('%.0f', version + 1)`;

/**
 * Adds the entry that begins with `entry` to the label `key` and, where `looks` is not '0', removes those of so many neighbours whose
 * time is over: ids are random, so neighbours are a sample. `life` in ms, and `lag`, how long an entry outlives its session in s.
 */
const ENTERED = `
redis.call('ZADD', key, 0, entry)
if redis.call('PTTL', key) < life + 0 then redis.call('PEXPIRE', key, life) end
if looks ~= '0' then
  local second = redis.call('TIME')[1]
  for _, neighbour in ipairs(redis.call('ZRANGEBYLEX', key, '(' .. entry, '+', 'LIMIT', 0, looks)) do
    local ends = string.match(neighbour, '%.(%d+)$')
    if ends and ends + lag - second < 0 then redis.call('ZREM', key, neighbour) end
  end
end`;

/**
 * KEYS record, registry, and the labels that it is entered under in the same step. ARGV id, time to live, how many neighbours are
 * looked at, entry behind the id and its life, how long an entry outlives its session, meta, then name and text of each field.
 * Answers 1, or 0 when the key is taken, whatever holds it.
 */
export const CREATE: Script = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local ttl, looks = ARGV[2], ARGV[3]
if #KEYS > 2 then
  local entry, life, lag = ARGV[1] .. ARGV[4], ARGV[5], ARGV[6]
  for index = 3, #KEYS do
    local key = KEYS[index]
    ${ENTERED}
  end
end
ttl = ttl + 0
${ENLIST}
${setBehind("7", "ARGV[7]")}
redis.call('PEXPIREAT', KEYS[1], at)
if looks ~= '0' then
  -- Names whose key the engine dropped.
  local dropped = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. string.format('%.0f', now), 'LIMIT', 0, looks)
  if #dropped > 0 then redis.call('ZREM', KEYS[2], unpack(dropped)) end
end
return 1
`);

/**
 * KEYS record, registry. ARGV id, now, epoch, version or '', slack, accessedAt or '', expiresAt or '', '1' when fields
 * change, how many names to remove, those names, then name and text of each field to set.
 * Answers the version, or 'gone', 'stale', 'conflict' or 'newer'.
 */
export const CHANGE: Script = script(
  ADMITTED,
  `
if ARGV[6] ~= '' and ARGV[6] - accessed > 0 then accessed = ARGV[6] end
if ARGV[8] == '1' then ${FOLLOWING} end
if ARGV[7] ~= '' and ARGV[7] - expires > 0 then
  expires = ARGV[7]
  ${TTL}
  -- Unless the engine keeps it for nearly as long already. It does so for minutes more than it must, and most changes move the
  -- expiry by no more than the time since the last.
  if redis.call('PTTL', KEYS[1]) < ttl - 60000 then ${KEEP}
  end
end
${written(9)}
`,
);

/**
 * KEYS as CREATE, ARGV as CHANGE up to ARGV[7]; then the next epoch, the secret hash, endsAt or '', labels or '-' to leave them, and their
 * entry; what labels and entry are expected to be before, so that the index entries that were written first are the right ones, or '*'
 * where they are written in this step; life and lag of the entry and how many neighbours are looked at; then the fields.
 * Answers as CHANGE, or 'again' when labels or entry are not as expected.
 */
export const RENEW: Script = script(
  ADMITTED,
  `
if ARGV[13] == '*' then
  local ends = string.match(entry, '%.(%-?%d+)$')
  if labels ~= ARGV[11] or not ends or ends * 1000 - ARGV[10] < 0 then
    labels, entry = ARGV[11], ARGV[12]
    local entry, life, lag, looks = ARGV[1] .. entry, ARGV[15], ARGV[16], ARGV[17]
    for index = 3, #KEYS do
      local key = KEYS[index]
      ${ENTERED}
    end
  end
elseif ARGV[11] ~= '-' then
  if labels ~= ARGV[13] or entry ~= ARGV[14] then return 'again' end
  labels, entry = ARGV[11], ARGV[12]
end
epoch = ARGV[8]
hash = ARGV[9]
if ARGV[10] ~= '' then ends = ARGV[10] end
if ARGV[6] ~= '' then accessed = ARGV[6] end
if ARGV[7] ~= '' then expires = ARGV[7] end
${FOLLOWING}
${TTL}
${KEEP}
${written(18)}
`,
);

/** recordAt(key): what of a record says whether it may be deleted; or nil when there is none, 'newer' or 'corrupt'. */
const RECORD_AT = `
local function recordAt(key)
${parted("key", (why) => (why === "nothing" ? "return redis.call('EXISTS', key) == 1 and 'corrupt' or nil" : `return '${why}'`))}
  return { version = version, entry = entry, labels = labels }
end

local function bears(record, label)
  return string.find(record.labels .. ' ', ' ' .. label .. ' ', 1, true)
end
`;

/**
 * KEYS registry, then records of its partition. ARGV channel, version or '', label with a space before it or '', then the
 * id of each record. Answers for each 'gone', 'conflict', or its labels and entry (both '' of what was no record).
 */
export const DELETE: Script = script(
  RECORD_AT,
  `
local outcomes = {}
local conditional = ARGV[2] ~= '' or ARGV[3] ~= ''
for index = 2, #KEYS do
  local key, id = KEYS[index], ARGV[index + 2]
  local record = recordAt(key)
  local known = type(record) == 'table'
  if not record then
    outcomes[index - 1] = 'gone'
  elseif conditional and not (known
      and (ARGV[2] == '' or record.version == ARGV[2])
      and (ARGV[3] == '' or bears(record, string.sub(ARGV[3], 2)))) then
    outcomes[index - 1] = 'conflict'
  else
    redis.call('DEL', key)
    -- What is no registry holds no id, and must not keep anybody from logging out.
    redis.pcall('ZREM', KEYS[1], id)
    -- A user who may not publish can still log out.
    redis.pcall('PUBLISH', ARGV[1], id)
    outcomes[index - 1] = known and { record.labels, record.entry } or { '', '' }
  end
end
return outcomes
`,
);

/** KEYS records of one partition. Answers for each its hash without the fields that are not reserved; empty where there is none. */
export const PEEK: Script = script(`
local found = {}
for index, key in ipairs(KEYS) do
  local flat = {}
  local names = redis.pcall('HKEYS', key)
  if not names.err then
    for _, name in ipairs(names) do
      if name == '=' or string.sub(name, 1, 2) == ':~' then
        flat[#flat + 1] = name
        flat[#flat + 1] = redis.call('HGET', key, name)
      end
    end
  end
  found[index] = flat
end
return found
`);

/**
 * KEYS label. ARGV entry, its life, how long an entry outlives its session, how many neighbours are looked at.
 */
export const ENTER: Script = script(`
local key, entry, life, lag, looks = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
${ENTERED}
return 1
`);

export const ALL_SCRIPTS: readonly Script[] = [CREATE, CHANGE, RENEW, DELETE, PEEK, ENTER];
