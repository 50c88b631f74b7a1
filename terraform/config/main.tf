# Parses config.yaml and rejects what Terraform can see is wrong. The rules are on an output and on short locals, as
# Terraform shows the values of a failed rule: a rule of the input would print the whole config. Nothing that depends
# on config is planned if a rule fails. `datastream-exporter check` validates the whole file.

variable "text" {}

locals {
  known_keys   = ["metrics", "sources", "expectations", "mutes", "required", "grouping", "collect", "run", "endpoints"]
  project_form = "^([a-z0-9-]+(\\.[a-z0-9-]+)+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$"
  time_form    = "^2[01]\\d\\d-\\d\\d-\\d\\d(T\\d\\d:\\d\\d(:\\d\\d([.]\\d+)?)?(Z|[+-]\\d\\d:\\d\\d)?)?$"
  # By key, the form of its values, and words for it
  forms = {
    from      = [local.time_form, "a time such as 2026-12-24T22:00:00+01:00, or a date"]
    locations = ["^[a-z]+(-[a-z]+)+[0-9]+$", "regions such as europe-west1"]
    project   = [local.project_form, "a project's id, such as orders-prod, not the placeholder my-project"]
    timezone  = ["^(UTC|Etc/UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]*[a-z])+)$", "a name such as Europe/Berlin or UTC"]
    until     = [local.time_form, "a time such as 2026-12-24T22:00:00+01:00, or a date"]
  }

  config = try(yamldecode(var.text), null)
  # What has such keys, and the one that it must have: a window has a time zone, and a mute ends.
  parts = concat(
    [["metrics", try(local.config.metrics, null), "project"]],
    try([for index in range(max(1, length(local.config.sources))) :
    ["sources[${index}]", local.config.sources[index], "project"]], [["sources[0]", null, "project"]]),
    try([for index, each in local.config.expectations : ["expectations[${index}].during", each.during, "timezone"]
    if try(each.during, null) != null], []),
    try([for index, mute in local.config.mutes : ["mutes[${index}]", mute, "until"]], []),
  )
  wrong = concat(
    [for key in setsubtract(try(keys(local.config), ["text without keys"]), local.known_keys) :
    "config.yaml: ${key} is unknown. Allowed: ${join(", ", local.known_keys)}."],
    flatten([for part in local.parts : [for key, form in local.forms : [
      for value in flatten([try(part[1][key], null)]) :
      "config.yaml: ${part[0]}.${key} is ${substr(jsonencode(value), 0, 80)}, but must be ${form[1]}."
      if !can(regex(form[0], value)) || value == "my-project"
    ] if key == part[2] || try(part[1][key], null) != null]]),
  )
  # In base64 without its padding, 32,768 bytes are 43,691 characters.
  base64_length = length(trimsuffix(trimsuffix(base64encode(var.text), "="), "="))
}

output "data" {
  value = local.config

  precondition {
    condition = length(local.wrong) == 0
    error_message = join("\n", concat(local.wrong, [
      "config_yaml takes the text, file(\"config.yaml\"). Each source starts with a dash, `- project: orders-prod`.",
      "`datastream-exporter check` finds every mistake, with its line.",
    ]))
  }
  precondition {
    condition     = local.base64_length <= 43691
    error_message = "config_yaml is longer than 32 KiB, Cloud Run's limit: use globs in match, include and exclude."
  }
}

output "project_form" { value = local.project_form }
