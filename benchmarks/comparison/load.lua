-- For wrk: sends requests that were made beforehand, and tells the outcome as one line of JSON.
-- The file has, for each request, a line with its kind and its length, and then its bytes.

local requests = {}
local sent = 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   for line in file:lines() do
      local length = tonumber(line:match("%d+"))
      requests[#requests + 1] = assert(file:read(length))
   end
   file:close()
end

-- Asked for once for each request, so that it is a global that wrk's threads can be asked for.
count = 0

function request()
   sent = sent + 1
   count = sent
   return requests[(sent - 1) % #requests + 1]
end

local thread

function setup(only)
   thread = only
end

function done(summary, latency, _)
   local quantiles = {}
   for _, percentile in ipairs({1, 5, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 100}) do
      local microseconds = latency:percentile(math.min(percentile, 99.999))
      quantiles[#quantiles + 1] = string.format("[%g, %.3f]", percentile, microseconds / 1000)
   end
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "seconds": %.6f, "bytes": %d, "sent": %d, "quantiles": [%s], ' ..
      '"errors": {"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}}\n',
      summary.requests, summary.duration / 1e6, summary.bytes, thread:get("count"),
      table.concat(quantiles, ", "),
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
