-- Arguments: [POST BODY_BYTES | UNIQUE]. UNIQUE gives every request a header of its own, so that no two heads are equal.
-- Prints the summary as one line of JSON, whose numbers are exact, not rounded for people.
function init(arguments)
  if arguments[1] == "UNIQUE" then
    local sent = 0
    request = function()
      sent = sent + 1
      wrk.headers["X-Correlation-Id"] = string.format("%032d", sent)
      return wrk.format()
    end
  elseif arguments[1] then
    wrk.method = arguments[1]
    wrk.body = string.rep("x", tonumber(arguments[2]))
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"received_bytes":%d,"failed":%d,"p50_seconds":%.6f,"p99_seconds":%.6f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
