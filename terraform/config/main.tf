# Parses config.yaml and rejects what Terraform can see is wrong. The rules are on an output and on short locals, as
# Terraform shows the values of a failed rule: a rule of the input would print the whole config. Nothing that depends
# on config is planned if a rule fails. `datastream-exporter check` validates the whole file.

variable "text" {
  description = "Text of config.yaml."
  type        = string
  nullable    = false
}

locals {
  known_keys   = ["metrics", "sources", "expectations", "mutes", "required", "grouping", "collect", "run", "endpoints"]
  check_advice = "`datastream-exporter check` finds every mistake, with its line."
  project_form = "^([a-z0-9-]+(\\.[a-z0-9-]+)+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$"

  config       = try(yamldecode(var.text), null)
  unknown_keys = setsubtract(try(keys(local.config), ["text without keys"]), local.known_keys)
  projects     = try(concat([local.config.metrics.project], local.config.sources[*].project), [])
  locations    = flatten(try([for source in local.config.sources : source.locations if try(source.locations, null) != null], []))
  windows      = try([for each in local.config.expectations : each.during if try(each.during, null) != null], [])
  mutes        = try([for each in local.config.mutes : each], [])
  # A window has a time zone, and a mute ends.
  timezones = concat([for window in local.windows : try(window.timezone, "")], [for mute in local.mutes : mute.timezone if try(mute.timezone, null) != null])
  times     = concat([for mute in local.mutes : try(mute.until, "")], flatten([for window in local.windows : [for key in ["from", "until"] : window[key] if try(window[key], null) != null]]))
  # In base64 without its padding, 32,768 bytes are 43,691 characters.
  base64_length = length(trimsuffix(trimsuffix(base64encode(var.text), "="), "="))
}

output "data" {
  description = "The parsed config."
  value       = local.config

  precondition {
    condition     = length(local.unknown_keys) == 0
    error_message = "config.yaml: ${join(", ", local.unknown_keys)} is unknown. Allowed: ${join(", ", local.known_keys)}. config_yaml takes the file's text, file(\"config.yaml\"). ${local.check_advice}"
  }

  precondition {
    condition     = can(local.config.sources[0]) && length(local.projects) > 1 && alltrue([for project in local.projects : project != "my-project" && can(regex(local.project_form, project))])
    error_message = "config.yaml: metrics.project, and the project of one source or more, must be a project's id, such as orders-prod, and not the placeholder my-project. sources is a list: each source starts with a dash, `- project: orders-prod`. ${local.check_advice}"
  }

  precondition {
    condition = alltrue(concat(
      [for location in local.locations : can(regex("^[a-z]+(-[a-z]+)+[0-9]+$", location))],
      [for zone in local.timezones : can(regex("^(UTC|Etc/UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z_-]*[a-z])+)$", zone))],
      [for time in local.times : can(regex("^2[01][0-9]{2}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$", time))],
    ))
    error_message = "config.yaml: locations must be regions such as europe-west1. Each during needs a timezone, a name such as Europe/Berlin or UTC. Each mute needs until, a time such as 2026-12-24T22:00:00+01:00 or a date. ${local.check_advice}"
  }

  precondition {
    condition     = local.base64_length <= 43691
    error_message = "config_yaml is longer than 32 KiB, the limit of an environment variable on Cloud Run. Shorten it with globs in `match`, `include` and `exclude`."
  }
}

output "project_form" {
  description = "Regular expression of a project's id."
  value       = local.project_form
}
