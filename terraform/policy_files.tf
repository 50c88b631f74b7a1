# The policies are files in the API's own form: those of alerting_policies/, and those of policy_directory.

locals {
  module_folder = "${local.shared}/alerting_policies"
  module_files  = fileset(local.module_folder, "*.yaml")
  closing       = trimspace(file("${local.module_folder}/closing.md"))
  own_files     = var.policy_directory == null ? [] : fileset(var.policy_directory, "*.{json,yaml,yml}")

  # By name: the file's without .yaml, as in policy_overrides and in addresses in the state.
  paths = merge(
    { for name in local.module_files : trimsuffix(name, ".yaml") => "${local.module_folder}/${name}" },
    { for name in local.own_files : trimsuffix(name, ".yaml") => "${var.policy_directory}/${name}" },
  )

  # A file names no deployment: others may write to the same project, or be seen in the same metrics scope. Words in
  # capitals, which no id can have, stand for this one. Only whole words do: DATASTREAM_EXPORTER_LOCATION is none.
  words = {
    METRICS_PROJECT   = local.metrics_project
    EXPORTER_PROJECT  = local.job_project
    EXPORTER_LOCATION = local.exporter_location
    EXPORTER_REGION   = var.region
    EXPORTER_RUN_NAME = local.exporter_name
    EXPORTER_SERVICE  = var.name
    EXPORTER_PAGE     = "${local.is_function ? "detail" : "jobs/details"}/${var.region}/${var.name}"
  }
  # The words in each file, and what is between them
  parts = { for name, path in local.paths : name => regexall("[A-Z_]+|[^A-Z_]+", file(path)) }
  texts = { for name, parts in local.parts : name => join("", [for part in parts : lookup(local.words, part, part)]) }
  # What isn't YAML is null.
  decoded = { for name, text in local.texts : name => try(yamldecode(text), null) }

  # Each policy has one condition, a query. Those on the watched projects' logs are in log_policies/: they see their own
  # project's log only.
  conditions = { for name, file in local.decoded : name => try(one(file.conditions), null) }
  promql     = { for name, one in local.conditions : name => try(one.conditionPrometheusQueryLanguage, null) }
  on_logs    = [for name, one in local.conditions : name if can(one.conditionMatchedLog)]
  # On one line, as Google's guides write them: somebody's filters were silently ignored with line breaks.
  # https://github.com/google/skills
  queries = { for name, promql in local.promql : name => try(trimspace(replace(promql.query, "/\\s+/", " ")), "") }
  # The numbers in queries that policy_overrides can change.
  thresholds = {
    for name, file in local.decoded : name => tostring(file.userLabels.threshold)
    if can(tostring(file.userLabels.threshold))
  }

  # Words anywhere in a file that begin like one of those above, and aren't one. In queries, also the value of a label
  # that differs from one only in case, hyphens or an `s`, and a `project_id` that no project can have: such a policy
  # would never alert. The lab has the same rules.
  like_a_word = "(?:^|[^A-Z_])((?:METRIC|EXPORTER)[A-Z]*_[A-Z_]+)"
  wrong_value = join("|", [
    "[=~]\\s*[\"'`]((?i:metrics?[-_]project|exporters?[-_](?:project|location|region|run[-_]name|service|page)))[\"'`]",
    "\\bproject_id\\s*=\\s*[\"'`]([^\"'`]*[^a-z0-9.:\"'`-][^\"'`]*)[\"'`]",
  ])
  as_written = { for name, path in local.paths : name => try(yamldecode(file(path)).conditions[0], null) }
  wrong_words = {
    for name, file in local.decoded : name => join(", ", setsubtract(compact(flatten([
      regexall(local.like_a_word, jsonencode(file)),
      regexall(local.wrong_value, try(local.as_written[name].conditionPrometheusQueryLanguage.query, "")),
    ])), concat(keys(local.words), values(local.words))))
  }

  # What each file needs, and whether it has it. A query becomes one line: a comment would reach its end.
  taken  = setintersection(local.own_files, local.module_files)
  closes = { for name, file in local.decoded : name => try(regex("^([0-9]+)s$", file.alertStrategy.autoClose)[0], 0) }
  must_have = {
    for name, file in local.decoded : name => {
      "a name in .yaml"                     = !can(regex("[.](json|yml)$", name))
      "a name that isn't ours"              = !contains(local.taken, "${name}.yaml")
      "displayName"                         = can(regex(".", file.displayName))
      "combiner"                            = can(regex(".", file.combiner))
      "severity CRITICAL, ERROR or WARNING" = can(regex("^(CRITICAL|ERROR|WARNING)$", file.severity))
      "documentation.mimeType"              = can(regex(".", file.documentation.mimeType))
      "documentation.subject"               = can(regex(".", file.documentation.subject))
      "documentation.content"               = can(regex(".", file.documentation.content))
      "autoClose of 1800s to 604800s"       = local.closes[name] >= 1800 && local.closes[name] <= 604800
      "one condition, with displayName"     = can(regex(".", local.conditions[name].displayName))
      "conditionPrometheusQueryLanguage"    = local.queries[name] != ""
      "a query without comments (#)"        = !strcontains(local.queries[name], "#")
      "a query with userLabels.threshold, a whole number, as in > (5)" = try(
        strcontains(local.queries[name], " (${parseint(local.thresholds[name], 10)})"), !can(file.userLabels.threshold)
      )
      "duration in whole minutes" = try(regex("^(\\d+)s$", try(local.promql[name].duration, "0s"))[0] % 60 == 0, false)
      "evaluationInterval in multiples of 30s" = try(
        regex("^([1-9][0-9]*)s$", local.promql[name].evaluationInterval)[0] % 30 == 0, false
      )
      "its channels in policy_overrides, not in notificationChannels"               = !can(file.notificationChannels)
      "${join(" or ", keys(local.words))} or an id, not ${local.wrong_words[name]}" = local.wrong_words[name] == ""
    }
  }
  missing = {
    for name, file in local.decoded : name =>
    can(keys(file)) ? [for part, is_there in local.must_have[name] : part if !is_there] : ["a policy in YAML"]
  }
  wrong_files = [
    for file in local.own_files : "${file} needs ${join("; ", local.missing[trimsuffix(file, ".yaml")])}"
    if length(local.missing[trimsuffix(file, ".yaml")]) > 0
  ]

  # A policy's label `needs` names one of these. Where config.yaml lacks it, the policy could not alert, but would cost.
  needs_met = {
    nothing   = true
    objects   = local.config.collect.objects
    quiet-6h  = contains(local.config.expectations[*].quiet, "6h")
    quiet-24h = contains(local.config.expectations[*].quiet, "24h")
  }
  policies = {
    for name, file in local.decoded : name => file
    if length(local.missing[name]) == 0 && lookup(local.needs_met, try(file.userLabels.needs, "nothing"), true)
  }

  # What policy_overrides can name
  policy_names = sort(setsubtract(keys(local.decoded), local.on_logs))
  # Nobody waits for data that is more than a day old.
  threshold_limits = merge(
    { for name in keys(local.thresholds) : name => [0, 1000000000000] },
    { stream-lagging = [1, 86400] },
  )
  # In seconds. Google takes 25 hours for the look-back window, its offset and the retest window together.
  duration_limits = { stream-backfill-long = 0, stream-quiet-24h = 0, stream-stalled = 1800 }
}
