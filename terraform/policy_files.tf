# The policies are files in the API's own form: those of this module, and those of policy_directory.

locals {
  own_folder = "${path.module}/../alerting_policies"

  # Keyed by file name, which stays when a text changes.
  files = merge(
    { for file in fileset(local.own_folder, "*.yaml") : trimsuffix(file, ".yaml") => "${local.own_folder}/${file}" },
    var.policy_directory == null ? {} : {
      for file in fileset(var.policy_directory, "*.yaml") : trimsuffix(file, ".yaml") => "${var.policy_directory}/${file}"
    },
  )

  policy_names = sort(keys(local.files))

  # The policy on Cloud Run's execution count needs a job.
  unwanted = var.mode == "job" ? [] : ["exporter-executions-failing"]

  originals = {
    for name, file in local.files : name => yamldecode(file(file)) if !contains(local.unwanted, name)
  }

  policy_label_keys = toset(flatten([for policy in local.originals : keys(try(policy.userLabels, {}))]))

  unchanged = {
    enabled = null, severity = null, duration = null, threshold = null, notification_channels = null
  }
  changes = { for name in local.policy_names : name => try(var.policy_overrides[name], local.unchanged) }

  # A paused exporter must not page.
  paused = var.paused ? ["exporter-executions-failing", "exporter-silent"] : []

  enabled = {
    for name, policy in local.originals : name => coalesce(
      local.changes[name].enabled,
      try(policy.enabled, true) && !contains(local.paused, name),
    )
  }
}
