-- Each request is a note that nobody sent before; for wrk (bench/load.py calls it).
local count, thread = 0, 0
function setup(t)
  thread = thread + 1
  t:set("id", thread)
end
function request()
  count = count + 1
  local text = string.format("note %03d-%08d of a phone ", id, count)
  text = text .. string.rep(".", 100 - #text)
  return wrk.format("POST", "/note", headers, '{"text": "' .. text .. '"}')
end
function init(args)
  headers = { ["Content-Type"] = "application/json", ["Host"] = "127.0.0.1" }
  if args[1] == "close" then headers["Connection"] = "close" end
end
function response(status)
  if status ~= 200 then bad = (bad or 0) + 1 end
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("\nJSON {\"rate\": %f, \"p50\": %f, \"p99\": %f, \"wrong\": %d}\n",
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
