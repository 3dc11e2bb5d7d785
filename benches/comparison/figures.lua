-- What wrk counted, as JSON on the last line of its output.
done = function(summary, latency)
   local errors = summary.errors
   io.write(string.format('\n{"requests": %d, "seconds": %f, "p99_ms": %f, "statuses": %d, "failures": %d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e3, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout))
end
