# The policies are files in the API's own form: those of this module, and those of policy_directory.

locals {
  own_folder = "${local.shared}/alerting_policies"

  # Keyed by file name, which stays when a text changes.
  files = merge(
    { for file in fileset(local.own_folder, "*.yaml") : trimsuffix(file, ".yaml") => "${local.own_folder}/${file}" },
    var.policy_directory == null ? {} : {
      for file in fileset(var.policy_directory, "*.yaml") : trimsuffix(file, ".yaml") => "${var.policy_directory}/${file}"
    },
  )

  policy_names = sort(keys(local.files))

  # A job has no memory of the previous run, so it logs no changes of states. What config doesn't collect
  # can't alert, and each query has its price.
  unwanted = [
    for name in concat(
      var.mode == "job" ? ["stream-state-changed"] : [],
      local.collect.objects ? [] : ["stream-backfill-failed"],
      local.collect.private_connections ? [] : ["private-connection-failed"],
      local.collect.objects || local.collect.private_connections ? [] : ["exporter-not-collecting"],
    ) : name if contains(local.policy_names, name)
  ]

  decoded   = { for name, file in local.files : name => yamldecode(file(file)) }
  originals = { for name, policy in local.decoded : name => policy if !contains(local.unwanted, name) }

  unchanged = { enabled = null, severity = null, duration = null, threshold = null, notification_channels = null, runbook_url = null }
  # No try or can here, nor elsewhere of what may be unknown at plan, such as a channel of the same
  # configuration: before Terraform 1.12, all of it would be unknown.
  changes = { for name in local.policy_names : name => lookup(var.policy_overrides, name, local.unchanged) }

  # exporter-silent would alert for as long as the exporter is paused. `enabled` in policy_overrides still wins.
  enabled = {
    for name, policy in local.originals : name => coalesce(
      local.changes[name].enabled, try(policy.enabled, true) && !(var.paused && name == "exporter-silent"),
    )
  }
}
