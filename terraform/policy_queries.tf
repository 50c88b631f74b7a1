# What changes in the queries. Each place that may change is an exact text in the file, so a query stays valid as it is,
# and nothing else in it can change:
# - " (N)" is the threshold, with N from userLabels.threshold.
# - "[W]" is the look-back window that follows from the retest window.
# - "metrics-project", "exporter-location" and "datastream-exporter" are this deployment's.
# Then each query becomes one line without comments, as Google's guides write them: somebody's filters were silently
# ignored with line breaks. https://github.com/google/skills

locals {
  # With another threshold, these would always fire or never. A stream's state changes once in a run at most, every ten
  # seconds; nobody waits for data that is more than a day old.
  threshold_limits = { stream-flapping = [1, 180], stream-lagging = [1, 86400] }

  thresholds = {
    for name, policy in local.decoded : name => {
      original = policy.userLabels.threshold
      chosen   = tostring(coalesce(local.changes[name].threshold, policy.userLabels.threshold))
    } if can(policy.userLabels.threshold)
  }

  promql = {
    for name, policy in local.originals : name => policy.conditions[0].conditionPrometheusQueryLanguage
    if can(policy.conditions[0].conditionPrometheusQueryLanguage)
  }

  # A policy may have no retest window. One of 0s is another thing: it limits how far the query may look back.
  durations = {
    for name, condition in local.promql : name =>
    local.changes[name].duration == null ? try(condition.duration, null) : local.changes[name].duration
  }
  retest_windows = {
    for name, condition in local.promql : name => {
      original = tonumber(trimsuffix(try(condition.duration, "0s"), "s"))
      now      = tonumber(trimsuffix(coalesce(local.durations[name], "0s"), "s"))
    }
  }

  # The look-back window is an hour, or two thirds of a retest window longer than two minutes: otherwise a single
  # sighting would fill the retest window.
  look_backs = {
    for name, window in local.retest_windows : name => {
      for when, seconds in window : when => seconds <= 120 ? "1h" : "${floor(seconds * 2 / 3)}s"
    }
  }

  # The selectors say which deployment they are about: others may write to the same project, or be seen in the same
  # metrics scope.
  deployed_queries = {
    for name, condition in local.promql : name => replace(replace(replace(replace(
      !can(local.thresholds[name]) ? condition.query : replace(
        condition.query, " (${local.thresholds[name].original})", " (${local.thresholds[name].chosen})",
      ), "[${local.look_backs[name].original}]", "[${local.look_backs[name].now}]"),
      "\"metrics-project\"", "\"${local.metrics_project}\""),
      "\"exporter-location\"", "\"${local.exporter_location}\""),
    "namespace=\"datastream-exporter\"", "namespace=\"${local.exporter_name}\"")
  }

  # The parts are quoted texts, which stay, comments, white space, and words. A text in backquotes may have line breaks:
  # it gets double quotes, with \n.
  query_parts = "\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|(?:\\s|#[^\n]*)+|[^\"'`#\\s]+|."
  queries = {
    for name, query in local.deployed_queries : name => trimspace(join("", [
      for part in regexall(local.query_parts, query) :
      startswith(part, "`") ? jsonencode(trim(part, "`")) : length(regexall("^(?:#|\\s)", part)) > 0 ? " " : part
    ]))
  }

  # How far each query looks back, in seconds: its longest range, with offset.
  look_back_seconds = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400, w = 604800 }
  longest = {
    for name, query in local.queries : name => max(0, [
      for range in regexall("\\[([0-9][0-9a-z]*)[^\\]]*\\](?:\\s*offset\\s+([0-9a-z]+))?", query) : sum(concat([0], [
        for part in regexall("([0-9]+)(ms|[smhdw])", join("", compact(range))) :
        tonumber(part[0]) * local.look_back_seconds[part[1]]
      ]))
    ]...)
  }

  # By policy, in seconds: 25 hours, or 8 days without a retest window, if it is evaluated every hour or less often.
  hourly = [for name, each in local.promql : name if try(tonumber(trimsuffix(each.evaluationInterval, "s")), 0) >= 3600]
  look_back_limits = {
    for name, duration in local.durations : name => duration == null && contains(local.hourly, name) ? 691200 : 90000
  }
  too_far_back = {
    for name, limit in local.look_back_limits : name => join(" ", [
      local.changes[name].duration == null ? "policy_directory:" : "policy_overrides:",
      "${name} has a retest window of ${local.retest_windows[name].now}s and looks back ${local.longest[name]}s,",
      "offset included. Cloud Monitoring allows 90000s (25 hours) for both together, and 691200s (8 days) without a",
      "retest window, evaluated every hour: use a shorter duration, or look back less far.",
    ]) if local.longest[name] + local.retest_windows[name].now > limit
  }
}
