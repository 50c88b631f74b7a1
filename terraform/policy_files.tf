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
  # capitals, which no id can have, stand for this one. Each step fills in the next word.
  texts    = { for name, path in local.paths : name => file(path) }
  own_page = "${local.is_function ? "detail" : "jobs/details"}/${var.region}/${var.name}"
  with_metrics_project = {
    for name, text in local.texts : name => replace(text, "METRICS_PROJECT", local.metrics_project)
  }
  with_project = {
    for name, text in local.with_metrics_project : name => replace(text, "EXPORTER_PROJECT", local.job_project)
  }
  with_location = {
    for name, text in local.with_project : name => replace(text, "EXPORTER_LOCATION", local.exporter_location)
  }
  with_region = { for name, text in local.with_location : name => replace(text, "EXPORTER_REGION", var.region) }
  with_run_name = {
    for name, text in local.with_region : name => replace(text, "EXPORTER_RUN_NAME", local.exporter_name)
  }
  with_service = { for name, text in local.with_run_name : name => replace(text, "EXPORTER_SERVICE", var.name) }
  with_page    = { for name, text in local.with_service : name => replace(text, "EXPORTER_PAGE", local.own_page) }
  # What isn't YAML is null.
  decoded = { for name, text in local.with_page : name => try(yamldecode(text), null) }

  # Each policy has one condition, a query. Those on the watched projects' logs are in log_policies/: they see their own
  # project's log only.
  conditions = { for name, file in local.decoded : name => try(one(file.conditions), null) }
  promql     = { for name, one in local.conditions : name => try(one.conditionPrometheusQueryLanguage, null) }
  on_logs    = [for name, one in local.conditions : name if can(one.conditionMatchedLog)]

  # Files that have all that the resource reads. A query becomes one line, so it must have no comment.
  complete_files = [
    for name, file in local.decoded : name if can([
      file.displayName, file.combiner, regex("^(CRITICAL|ERROR|WARNING)$", file.severity), file.alertStrategy.autoClose,
      file.documentation.mimeType, file.documentation.subject, file.documentation.content,
      local.conditions[name].displayName,
      regex("^[^#]+$", local.promql[name].query), local.promql[name].evaluationInterval,
    ])
  ]
  wrong_files = [
    for file in local.own_files : file if !endswith(file, ".yaml") || contains(local.module_files, file) ||
    !contains(local.complete_files, trimsuffix(file, ".yaml"))
  ]
  # With words of before, a policy would be taken, and never alert.
  old_files = [
    for file in local.own_files : file
    if can(regex("\"(metrics-project|exporter-location)\\\\?\"", local.texts[trimsuffix(file, ".yaml")]))
  ]

  # A policy's label `needs` names one of these. Where config.yaml lacks it, the policy could not alert, but would cost.
  needs_met = {
    nothing   = true
    objects   = local.config.collect.objects
    quiet-6h  = contains(local.config.expectations[*].quiet, "6h")
    quiet-24h = contains(local.config.expectations[*].quiet, "24h")
  }
  unneeded_files = [
    for name, file in local.decoded : name if !lookup(local.needs_met, try(file.userLabels.needs, "nothing"), true)
  ]
  policies = { for name in setsubtract(local.complete_files, local.unneeded_files) : name => local.decoded[name] }

  # What policy_overrides can name, and the numbers in queries that it can change.
  policy_names = sort(setsubtract(keys(local.decoded), local.on_logs))
  thresholds = {
    for name, file in local.decoded : name => file.userLabels.threshold if can(file.userLabels.threshold)
  }
  # Nobody waits for data that is more than a day old.
  threshold_limits = merge(
    { for name in keys(local.thresholds) : name => [0, 1000000000000] },
    { stream-lagging = [1, 86400] },
  )
  # In seconds. Google takes 25 hours for the look-back window, its offset and the retest window together.
  duration_limits = { stream-backfill-long = 0, stream-quiet-24h = 0, stream-stalled = 1800 }
}
