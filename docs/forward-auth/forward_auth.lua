-- Asks flowkeys about a request. Yes sets txn.flowkeys_allowed; anything else is answered here.

local TIMEOUT_MS = 5000
-- Where flowkeys is, when it listens on a Unix socket; README.md says how.
local SOCKET = nil
-- Where a key may be; FLOWKEYS_KEY_HEADER says where it is.
local CREDENTIALS = { "authorization", "x-api-key" }
local PASSED_ON = {
  "content-type", "www-authenticate", "retry-after", "x-should-retry", "ratelimit", "ratelimit-policy", "cache-control",
  "x-request-id",
}
local PROBLEM = "application/problem+json"
local OUTAGE = {
  ["content-type"] = { [0] = PROBLEM }, ["retry-after"] = { [0] = "1" }, ["cache-control"] = { [0] = "no-store" },
}
local UNAVAILABLE = '{"type":"urn:flowkeys:problem:unavailable","title":"Unavailable","code":"unavailable",'
  .. '"detail":"The keys cannot be checked. Try again."}'

-- All lines of a header, from a table that counts from 0.
local function lines(headers, name)
  local found = {}
  local values = headers[name]
  if values then
    for i = 0, #values do found[#found + 1] = values[i] end
  end
  return found
end

local function questions_headers(txn)
  local sent = txn.http:req_get_headers()
  -- A connection for each question: HAProxy would go on keeping those that flowkeys is just closing.
  local headers = { ["connection"] = { "close" } }
  -- All of them: flowkeys refuses two, and so must not be shown only one.
  for _, name in ipairs(CREDENTIALS) do
    local values = lines(sent, name)
    if #values > 0 then headers[name] = values end
  end
  local request_id = lines(sent, "x-request-id")
  if #request_id > 0 then headers["x-request-id"] = request_id end
  local addresses = lines(sent, "x-forwarded-for")
  addresses[#addresses + 1] = txn.sf:src()
  headers["x-forwarded-for"] = { table.concat(addresses, ", ") }
  return headers
end

local function refuse(txn, status, headers, body)
  local reply = txn:reply({ status = status, body = body })
  local origin = txn:get_var("txn.cors_origin")
  if origin then reply:add_header("access-control-allow-origin", origin) end
  for _, name in ipairs(PASSED_ON) do
    for _, value in ipairs(lines(headers, name)) do reply:add_header(name, value) end
  end
  txn:done(reply)
end

-- HAProxy makes up an answer of its own, a page of HTML, when it gets none.
local function is_flowkeys(answer)
  if not answer or not answer.status or answer.status == 0 then return false end
  return answer.status < 500 or lines(answer.headers or {}, "content-type")[1] == PROBLEM
end

core.register_action("flowkeys", { "http-req" }, function(txn, url)
  -- Never so as the configuration stands; see "Pages on other origins" in README.md.
  if txn:get_var("txn.preflight") then return txn:set_var("txn.flowkeys_allowed", true) end
  local headers = questions_headers(txn)
  local ok, answer = pcall(function()
    return core.httpclient():get({ url = url, headers = headers, timeout = TIMEOUT_MS, dst = SOCKET })
  end)
  if not ok or not is_flowkeys(answer) then
    return refuse(txn, 503, OUTAGE, UNAVAILABLE)
  end
  if answer.status ~= 200 then
    return refuse(txn, answer.status, answer.headers, answer.body)
  end
  txn:set_var("txn.flowkeys_key_id", answer.headers["x-auth-key-id"][0])
  txn:set_var("txn.flowkeys_key_name", answer.headers["x-auth-key-name"][0])
  txn:set_var("txn.flowkeys_workspace_id", answer.headers["x-auth-workspace-id"][0])
  txn:set_var("txn.flowkeys_customer_id", answer.headers["x-auth-customer-id"][0])
  for _, name in ipairs({ "deprecation", "sunset", "ratelimit", "ratelimit-policy" }) do
    local value = lines(answer.headers, name)[1]
    if value then txn:set_var("txn.flowkeys_" .. name:gsub("-", "_"), value) end
  end
  txn:set_var("txn.flowkeys_allowed", true)
end, 1)
