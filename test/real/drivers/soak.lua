-- For wrk with one connection per thread: requests and replies of a thread alternate, so each reply can be held against its request.
-- Prints one line of JSON: replies by kind.
local threads = {}
local kinds = { "same", "unavailable", "other", "wrong" }

function setup(thread)
  thread:set("name", "thread" .. #threads)
  table.insert(threads, thread)
end

function init()
  count = 0
  nonce = ""
  example = ""
  for _, kind in ipairs(kinds) do _G[kind] = 0 end
end

function request()
  count = count + 1
  nonce = name .. "-" .. count
  local headers = { ["X-Nonce"] = nonce }
  if count % 2 == 0 then return wrk.format("GET", "/" .. count, headers) end
  return wrk.format("POST", "/" .. count, headers, nonce)
end

local function isOwn(headers, body)
  if headers["X-Nonce"] ~= nonce then return false end
  local word = nonce .. " "
  return #body % #word == 0 and body == string.rep(word, #body / #word) and #body > 0
end

function response(status, headers, body)
  if status == 200 then
    if isOwn(headers, body) then
      same = same + 1
    else
      wrong = wrong + 1
      example = nonce .. " got " .. tostring(headers["X-Nonce"])
    end
  elseif status == 503 then
    unavailable = unavailable + 1
  else
    other = other + 1
    example = nonce .. " got status " .. status
  end
end

function done(summary)
  local parts = {}
  for _, kind in ipairs(kinds) do
    local sum = 0
    for _, thread in ipairs(threads) do sum = sum + thread:get(kind) end
    table.insert(parts, string.format('"%s": %d', kind, sum))
  end
  local examples = ""
  for _, thread in ipairs(threads) do examples = examples .. thread:get("example") end
  local errors = summary.errors
  io.write(string.format('{%s, "example": "%s", "connect": %d, "read": %d, "write": %d, "timeout": %d}\n',
    table.concat(parts, ", "), examples, errors.connect, errors.read, errors.write, errors.timeout))
end
