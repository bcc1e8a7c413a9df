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

// All keys that a script touches are in KEYS and share one hash tag. Numbers up to 2^53 are exact in Lua, but its own
// way of writing them is not: they stay texts as far as possible and are written by '%.0f' where they are computed.

/** recordAt(key): a record's meta as a table; or nil when there is none, 'newer' or 'corrupt'. */
const RECORD_AT = `
-- What has no sixteen digits is one.
local function whole(text)
  if #text < 16 then return true end
  local number = tonumber(text)
  return number and number >= -9007199254740991 and number <= 9007199254740991
end

-- What a text by encodeText may consist of, spaces between several.
local function encoded(text)
  local unusual = "[^%w:_.@!~*'() -]"
  return not string.find(text, unusual) or not string.find(string.gsub(text, '%%%x%x', ''), unusual)
end

local function recordAt(key)
  local read = redis.pcall('HMGET', key, '=', ':~format')
  if read.err then
    if string.find(read.err, 'WRONGTYPE', 1, true) then return 'corrupt' end
    return error(read.err)
  end
  local meta, format = read[1], read[2]
  if not meta then
    if redis.call('EXISTS', key) == 0 then return nil end
    return 'corrupt'
  end
  if format and (tonumber(format) or 0) > 1 then return 'newer' end
  local epoch, version, created, accessed, expires, ends, entry, hash, labels = string.match(meta,
    '^1 (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+) (%-?%d+) ([^ ;]+) ([^ ;]*)([^;]*);$')
  if not epoch then
    if (tonumber(string.match(meta, '^(%d+) ')) or 0) > 1 then return 'newer' end
    return 'corrupt'
  end
  local sound = whole(epoch) and whole(version) and whole(created) and whole(accessed) and whole(expires)
    and whole(ends) and encoded(hash .. labels)
  if not sound then return 'corrupt' end
  return { epoch = epoch, version = version, created = created, accessed = accessed, expires = expires,
    ends = ends, entry = entry, hash = hash, labels = labels }
end

local function bears(record, label)
  return string.find(record.labels .. ' ', ' ' .. label .. ' ', 1, true)
end
`;

/**
 * enlist(ttl): the registry KEYS[2] says that KEYS[1] of the id ARGV[1] is dropped after so many ms by the engine's own clock.
 * keep(ttl): it is, too. Both come before whatever else a script writes, which would stay when the registry turns out to be
 * none and the script fails.
 */
const KEEP = `
local function engineNow()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function enlist(ttl)
  local now = engineNow()
  local at = string.format('%.0f', now + ttl)
  redis.call('ZADD', KEYS[2], at, ARGV[1])
  if redis.call('PTTL', KEYS[2]) < ttl then
    -- An hour more, so that not every touch has to move it.
    redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', now + ttl + 3600000))
  end
  return now, at
end

local function keep(ttl)
  local _, at = enlist(ttl)
  redis.call('PEXPIREAT', KEYS[1], at)
end

-- keepAbout(ttl): as keep, unless the engine keeps it for nearly as long already. It does so for minutes more than it must, and most
-- changes move the expiry by no more than the time since the last.
local function keepAbout(ttl)
  if redis.call('PTTL', KEYS[1]) < ttl - 60000 then keep(ttl) end
end

-- setAll(names and texts, one after the other): in one call, or a few where a call cannot take so many.
local function setAll(parts)
  for at = 1, #parts, 2000 do redis.call('HSET', KEYS[1], unpack(parts, at, math.min(at + 1999, #parts))) end
end
`;

/** write(record, first) and the rest of what both kinds of update share. */
const WRITE = `
local function later(before, given)
  if given ~= '' and tonumber(given) > tonumber(before) then return given end
  return before
end

local function metaOf(record)
  return table.concat({ '1', record.epoch, record.version, record.created, record.accessed,
    record.expires, record.ends, record.entry, record.hash }, ' ') .. record.labels .. ';'
end

-- ARGV[first] names to remove follow it, and then names and texts to set. Removing comes first: a user who may not is then refused
-- before anything was written.
local function write(record, first)
  local last = first + tonumber(ARGV[first])
  for at = first + 1, last do redis.call('HDEL', KEYS[1], ARGV[at]) end
  local parts = { '=', metaOf(record) }
  for at = last + 1, #ARGV do parts[#parts + 1] = ARGV[at] end
  setAll(parts)
end

-- Why a writer at ARGV[2], of the epoch ARGV[3] and the version ARGV[4], if any, may not write.
local function refusal(record)
  if record == 'newer' then return 'newer' end
  if not record or record == 'corrupt' then return 'gone' end
  if tonumber(record.expires) <= tonumber(ARGV[2]) then return 'gone' end
  if record.epoch ~= ARGV[3] then return 'stale' end
  if ARGV[4] ~= '' and record.version ~= ARGV[4] then return 'conflict' end
end

local function following(version)
  return string.format('%.0f', tonumber(version) + 1)
end

local function ttl(record)
  return math.max(tonumber(record.expires) - tonumber(ARGV[2]), 0) + tonumber(ARGV[5])
end
`;

/**
 * KEYS record, registry. ARGV id, time to live, meta, then name and text of each field.
 * Answers 1, or 0 when the key is taken, whatever holds it.
 */
export const CREATE: Script = script(
  KEEP,
  `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local now, ends = enlist(tonumber(ARGV[2]))
local parts = { '=', ARGV[3] }
for at = 4, #ARGV do parts[#parts + 1] = ARGV[at] end
setAll(parts)
redis.call('PEXPIREAT', KEYS[1], ends)
-- Names whose key the engine dropped. One is added, so four keep up.
local dropped = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. string.format('%.0f', now), 'LIMIT', 0, 4)
if #dropped > 0 then redis.call('ZREM', KEYS[2], unpack(dropped)) end
return 1
`,
);

/**
 * KEYS record, registry. ARGV id, now, epoch, version or '', slack, accessedAt or '', expiresAt or '', '1' when fields
 * change, how many names to remove, those names, then name and text of each field to set.
 * Answers the version, or 'gone', 'stale', 'conflict' or 'newer'.
 */
export const CHANGE: Script = script(
  RECORD_AT,
  KEEP,
  WRITE,
  `
local record = recordAt(KEYS[1])
local refused = refusal(record)
if refused then return refused end
local expires = later(record.expires, ARGV[7])
local moved = expires ~= record.expires
record.accessed = later(record.accessed, ARGV[6])
record.expires = expires
if ARGV[8] == '1' then record.version = following(record.version) end
if moved then keepAbout(ttl(record)) end
write(record, 9)
return record.version
`,
);

/**
 * As CHANGE up to ARGV[7]; then the next epoch, the secret hash, endsAt or '', labels and their entry, and what labels and
 * entry are expected to be before, so that the index entries that were written first are the right ones; then the fields.
 * Answers as CHANGE, or 'again' when labels or entry are not as expected.
 */
export const RENEW: Script = script(
  RECORD_AT,
  KEEP,
  WRITE,
  `
local record = recordAt(KEYS[1])
local refused = refusal(record)
if refused then return refused end
if ARGV[11] ~= '-' then
  if record.labels ~= ARGV[13] or record.entry ~= ARGV[14] then return 'again' end
  record.labels = ARGV[11]
  record.entry = ARGV[12]
end
record.epoch = ARGV[8]
record.hash = ARGV[9]
if ARGV[10] ~= '' then record.ends = ARGV[10] end
if ARGV[6] ~= '' then record.accessed = ARGV[6] end
if ARGV[7] ~= '' then record.expires = ARGV[7] end
record.version = following(record.version)
keep(ttl(record))
write(record, 15)
return record.version
`,
);

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
 * KEYS label. ARGV entry, time to live in ms, how long an entry outlives its session in s.
 * Adds the entry, and removes those of its neighbours whose time is over: ids are random, so neighbours are a sample, and
 * with four looked at for each one added, few dead ones are left.
 */
export const ENTER: Script = script(`
redis.call('ZADD', KEYS[1], 0, ARGV[1])
local now = tonumber(redis.call('TIME')[1])
for _, entry in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], '(' .. ARGV[1], '+', 'LIMIT', 0, 4)) do
  local ends = tonumber(string.match(entry, '%.(%d+)$'))
  if ends and ends + tonumber(ARGV[3]) < now then redis.call('ZREM', KEYS[1], entry) end
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
`);

export const ALL_SCRIPTS: readonly Script[] = [CREATE, CHANGE, RENEW, DELETE, PEEK, ENTER];
