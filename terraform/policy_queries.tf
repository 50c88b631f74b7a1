# What policy_overrides changes in the queries: thresholds and look-back windows.

locals {
  # For policies that have one. A disabled policy's threshold is never reached, so that no policy
  # yields to it.
  thresholds = {
    for name, policy in local.originals : name => {
      original = policy.userLabels.threshold
      chosen   = tostring(coalesce(local.changes[name].threshold, policy.userLabels.threshold))
      reached  = local.enabled[name] ? tostring(coalesce(local.changes[name].threshold, policy.userLabels.threshold)) : "Inf"
    } if can(policy.userLabels.threshold)
  }

  no_threshold     = { original = "none", chosen = "none", reached = "none" }
  own_thresholds   = { for name in keys(local.originals) : name => try(local.thresholds[name], local.no_threshold) }
  other_thresholds = { for name, policy in local.originals : name => try(local.thresholds[policy.userLabels.yields_to], local.no_threshold) }

  promql = {
    for name, policy in local.originals : name => policy.conditions[0].conditionPrometheusQueryLanguage
    if can(policy.conditions[0].conditionPrometheusQueryLanguage)
  }

  retest_windows = {
    for name, condition in local.promql : name => {
      original = tonumber(trimsuffix(condition.duration, "s"))
      now      = tonumber(trimsuffix(coalesce(local.changes[name].duration, condition.duration), "s"))
    }
  }

  # The look-back window is an hour, or two thirds of a retest window longer than two minutes:
  # otherwise a single sighting would fill the retest window. A look-back window in the query that
  # has this length changes with the retest window.
  look_backs = {
    for name, window in local.retest_windows : name => {
      for when, seconds in window : when => seconds <= 120 ? "1h" : "${floor(seconds * 2 / 3)}s"
    }
  }

  # Replaces, from the inside out: the look-back window, the policy's own threshold, the threshold of
  # the policy it yields to, and the job's name.
  queries = {
    for name, condition in local.promql : name => replace(
      replace(
        replace(
          replace(
            condition.query,
            "[${local.look_backs[name].original}]",
            "[${local.look_backs[name].now}]",
          ),
          "/(>=?) ${local.own_thresholds[name].original}\\b/",
          "$1 ${local.own_thresholds[name].chosen}",
        ),
        "/(>=?) ${local.other_thresholds[name].original}\\b/",
        "$1 ${local.other_thresholds[name].reached}",
      ),
      "job_name=\"datastream-exporter\"",
      "job_name=\"${var.name}\"",
    )
  }

  # The longest look-back window of each query, in seconds.
  longest = {
    for name, query in local.queries : name => max(0, [
      for range in regexall("\\[([0-9]+)([smh])\\]", query) : tonumber(range[0]) * { s = 1, m = 60, h = 3600 }[range[1]]
    ]...)
  }
}
