"""What Redis does at one stroke with the hot counters: scripts in Lua.

A campaign has a hash of its standing and of what each open reservation keeps free, and a sorted set
of when these end. Either may make room for others when Redis is full: where they do not have the
same number of reservations, the campaign is not known, and is read from PostgreSQL anew.
"""

_SHARED = """
local STANDING = 7  -- fields of the hash that are no reservations

local function whole(number)
  return string.format('%.0f', number)
end

local function is_known(book, open)
  return redis.call('HLEN', book) - STANDING == redis.call('ZCARD', open)
end

local function finish(book, open, member)
  if redis.call('ZREM', open, member) == 0 then
    return false
  end
  local amount = tonumber(redis.call('HGET', book, member)) or 0
  redis.call('HDEL', book, member)
  redis.call('HINCRBY', book, 'open', whole(0 - amount))
  return true
end

-- Redis answers nobody else meanwhile, so the next asks drop the rest.
local function drop_expired(book, open, now)
  local expired = redis.call('ZRANGEBYSCORE', open, '-inf', whole(now), 'LIMIT', 0, 1000)
  for _, member in ipairs(expired) do
    finish(book, open, member)
  end
end

local function keep(book, open, member, amount, ends)
  redis.call('ZADD', open, whole(ends), member)
  redis.call('HSET', book, member, whole(amount))
  redis.call('HINCRBY', book, 'open', whole(amount))
end

local function write(book, standing)
  redis.call('HSET', book,
    'version', whole(standing.version), 'total', whole(standing.total),
    'daily', whole(standing.daily), 'spent', whole(standing.spent),
    'day', standing.day, 'day_spent', whole(standing.day_spent))
end

local function adopt(book, standing)
  if standing.version > tonumber(redis.call('HGET', book, 'version')) then
    write(book, standing)
  end
end

local function live(book, open, milliseconds)
  redis.call('PEXPIRE', book, milliseconds)
  redis.call('PEXPIRE', open, milliseconds)
end

local function shown(cap, now)
  local found = redis.call('HMGET', cap, 'shown', 'ends')
  if found[1] and tonumber(found[2]) > now then
    return tonumber(found[1])
  end
  return 0
end
"""

# KEYS: of each ask its book, its reservations, its caps. Answers "?" for what is not known, and
# then nothing was taken; "" for what was reserved; else why not.
RESERVE = (
    _SHARED
    + """
local now, ends, life = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local asks = cjson.decode(ARGV[4])
local answers, places, place, all_known = {}, {}, 1, true
for i, ask in ipairs(asks) do
  places[i] = place
  local known = is_known(KEYS[place], KEYS[place + 1])
  answers[i] = known and '' or '?'
  all_known = all_known and known
  place = place + 2 + #ask.caps
end
if not all_known then
  return answers
end
for i, ask in ipairs(asks) do
  local book, open, counts = KEYS[places[i]], KEYS[places[i] + 1], {}
  drop_expired(book, open, now)
  adopt(book, ask.standing)
  if not redis.call('ZSCORE', open, ask.member) then
    local read = redis.call('HMGET', book, 'total', 'daily', 'spent', 'day', 'day_spent', 'open')
    local total, daily, spent = tonumber(read[1]), tonumber(read[2]), tonumber(read[3])
    local today = read[4] >= ask.today and tonumber(read[5]) or 0
    local needed = math.max(tonumber(read[6]) + ask.expected, ask.price)
    if spent + needed > total then
      answers[i] = 'budget'
    elseif daily >= 0 and today + needed > daily then
      answers[i] = 'daily_budget'
    end
    for j, cap in ipairs(ask.caps) do
      counts[j] = math.max(shown(KEYS[places[i] + 1 + j], now), cap.base)
      if answers[i] == '' and counts[j] >= cap.most then
        answers[i] = 'cap:' .. cap.name
      end
    end
    if answers[i] == '' then
      keep(book, open, ask.member, ask.expected, ends)
      for j, cap in ipairs(ask.caps) do
        local key = KEYS[places[i] + 1 + j]
        redis.call('HSET', key, 'shown', whole(counts[j] + 1), 'ends', whole(now + cap.life))
        redis.call('PEXPIRE', key, whole(cap.life))
      end
    end
  end
  live(book, open, life)
end
return answers
"""
)

# KEYS as above. Takes back what was reserved, and nothing twice.
RELEASE = (
    _SHARED
    + """
local now = tonumber(ARGV[1])
local place = 1
for _, ask in ipairs(cjson.decode(ARGV[2])) do
  local book, open = KEYS[place], KEYS[place + 1]
  if is_known(book, open) and finish(book, open, ask.member) then
    for j = 1, #ask.caps do
      local key = KEYS[place + 1 + j]
      if shown(key, now) > 0 then
        redis.call('HINCRBY', key, 'shown', -1)
      end
    end
  end
  place = place + 2 + #ask.caps
end
"""
)

# KEYS: book, reservations. Ends a reservation, and takes over a standing, if there is one.
END = (
    _SHARED
    + """
if is_known(KEYS[1], KEYS[2]) then
  finish(KEYS[1], KEYS[2], ARGV[1])
  if ARGV[2] ~= '' then
    adopt(KEYS[1], cjson.decode(ARGV[2]))
  end
end
"""
)

# KEYS: book, reservations. Writes down what is known of a campaign, unless somebody was quicker.
RESTORE = (
    _SHARED
    + """
local book, open = KEYS[1], KEYS[2]
if not is_known(book, open) then
  redis.call('DEL', book, open)
  write(book, cjson.decode(ARGV[1]))
  redis.call('HSET', book, 'open', '0')
  for _, one in ipairs(cjson.decode(ARGV[2])) do
    keep(book, open, one.member, one.amount, one.ends)
  end
  live(book, open, ARGV[3])
end
"""
)
