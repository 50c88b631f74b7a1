# The policies are files in the API's own form: those of this module, and those of policy_directory.

locals {
  own_folder = "${local.shared}/alerting_policies"

  # Keyed by file name, which stays when a text changes.
  files = merge(
    { for file in fileset(local.own_folder, "*.yaml") : trimsuffix(file, ".yaml") => "${local.own_folder}/${file}" },
    { for name in keys(local.own_policies) : name => "${var.policy_directory}/${name}.yaml" },
  )
  policy_names = sort(keys(local.files))

  # What the label `needs` of a policy asks of config.yaml. What config doesn't collect or limit can't alert, and each
  # query has its price.
  met = {
    nothing = true
    objects = local.collect.objects
    quiet   = anytrue([for one in try(local.config.expectations, null)[*] : can(coalesce(one.quiet))])
  }

  decoded = { for name, file in local.files : name => yamldecode(file(file)) }
  # A job has no memory of the previous run, so it logs no changes of states.
  originals = {
    for name, policy in local.decoded : name => policy if(name != "stream-state-changed" || local.is_function) &&
    lookup(local.met, try(policy.userLabels.needs, "nothing"), true)
  }

  overridable = ["duration", "enabled", "notification_channels", "runbook_url", "severity", "threshold"]
  unchanged   = { for attribute in local.overridable : attribute => null }
  # No try or can here, nor elsewhere of what may be unknown at plan, such as a channel of the same configuration:
  # before Terraform 1.12, all of it would be unknown.
  changes = { for name in local.policy_names : name => lookup(local.overrides, name, local.unchanged) }

  # exporter-silent would alert for as long as the exporter is paused. `enabled` in policy_overrides still wins.
  enabled = {
    for name, policy in local.originals : name => coalesce(
      local.changes[name].enabled, try(policy.enabled, true) && !(var.paused && name == "exporter-silent"),
    )
  }

  # A policy that its file switches off is absent, unless policy_overrides switches it on. One that policy_overrides
  # switches off is present and disabled: it keeps its id and its snoozes.
  present = [for name, policy in local.originals : name if local.enabled[name] || try(policy.enabled, true)]
}
