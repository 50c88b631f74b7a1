variable "create_policies" {
  description = "Whether to create the alert policies. To turn off single ones, use `policy_overrides`."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_channels" {
  description = "Whom to notify, by severity: each severity notifies its own channels, and nobody else."
  type        = object({ CRITICAL = list(string), ERROR = list(string), WARNING = list(string) })
  default     = { CRITICAL = [], ERROR = [], WARNING = [] }
  nullable    = false

  validation {
    condition = alltrue([
      for name in flatten(values(var.notification_channels)) : can(regex(local.channel_form, name))
    ])
    error_message = local.channel_advice
  }
}

variable "policy_directory" {
  description = "Folder with your own policies, in the form of `alerting_policies/`: `\"$${path.module}/policies\"`."
  type        = string
  default     = null

  validation {
    condition     = var.policy_directory == null ? true : length(fileset(var.policy_directory, "*.yaml")) > 0
    error_message = "policy_directory has no .yaml file. \"$${path.module}/policies\" is a folder beside your main.tf."
  }
}

variable "policy_overrides" {
  description = "Changes to single policies, by file name without .yaml: see [Policies](#policies)."
  type = map(object({
    duration              = optional(string)
    enabled               = optional(bool)
    notification_channels = optional(list(string))
    runbook_url           = optional(string)
    severity              = optional(string)
    threshold             = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.policy_overrides), local.policy_names)) == 0
    error_message = <<-EOT
      There is no policy ${join(", ", setsubtract(keys(var.policy_overrides), local.policy_names))} here. The policies
      are ${join(", ", local.policy_names)}.
      ${join(" and ", local.on_logs)} are of the module log_policies, which you call for each project.
    EOT
  }
  # A type drops misspelled keys.
  validation {
    condition = alltrue([
      for change in values(var.policy_overrides) : anytrue([for value in values(change) : value != null])
    ])
    error_message = "Each must set duration, enabled, notification_channels, runbook_url, severity or threshold."
  }
  validation {
    condition = alltrue([
      for name, change in var.policy_overrides : try(
        regex("^([0-9]+)s$", change.duration)[0] % 60 == 0 &&
        regex("^([0-9]+)s$", change.duration)[0] <= lookup(local.duration_limits, name, 3600), change.duration == null
      )
    ])
    error_message = "duration must be whole minutes, to \"3600s\", some less: ${jsonencode(local.duration_limits)}."
  }
  validation {
    condition = alltrue([
      for name in flatten([for all in values(var.policy_overrides)[*].notification_channels : all if all != null]) :
      can(regex(local.channel_form, name))
    ])
    error_message = local.channel_advice
  }
  validation {
    condition = alltrue([
      for url in compact(values(var.policy_overrides)[*].runbook_url) : can(regex(local.url_form, url))
    ])
    error_message = local.url_advice
  }
  validation {
    condition = alltrue([
      for change in values(var.policy_overrides) : contains(["CRITICAL", "ERROR", "WARNING"], change.severity)
      if change.severity != null
    ])
    error_message = "severity must be CRITICAL, ERROR or WARNING."
  }
  validation {
    condition = alltrue([
      for name, change in var.policy_overrides : try(
        change.threshold == floor(change.threshold) && change.threshold >= local.threshold_limits[name][0] &&
        change.threshold <= local.threshold_limits[name][1], !contains(local.policy_names, name),
      ) if change.threshold != null
    ])
    error_message = "threshold must be a whole number, of ${join(", ", [
      for name, limits in local.threshold_limits : format("%s (%d to %d)", name, limits...)
    ])}."
  }
}

variable "renotify_intervals" {
  description = "How often an open incident notifies again: `{ CRITICAL = \"14400s\" }`. By default, it notifies once."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for severity, interval in var.renotify_intervals : contains(local.severities, severity) && try(
        regex("^([0-9]+)s$", interval)[0] >= 1800 && regex("^([0-9]+)s$", interval)[0] <= 86400, false,
      )
    ])
    error_message = "Each must be of CRITICAL, ERROR or WARNING, and 1800s (30 minutes) to 86400s (24 hours)."
  }
}

variable "routes" {
  description = "Who gets the alerts of which projects or streams, by a name of your choice: see [Routes](#routes)."
  type = map(object({
    projects              = optional(list(string), [])
    streams               = optional(list(string), [])
    notification_channels = object({ CRITICAL = list(string), ERROR = list(string), WARNING = list(string) })
    runbook_url           = optional(string)
    slack_mentions        = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for route in keys(var.routes) : can(regex("^[a-z][a-z0-9_-]{0,62}$", route))])
    error_message = "A route's name becomes a label: a letter, then up to 62 of a-z, 0-9, - and _."
  }
  validation {
    condition = alltrue([
      for given in values(var.routes) : (length(given.projects) > 0) != (length(given.streams) > 0)
    ])
    error_message = "Each route needs either projects or streams, and not both."
  }
  validation {
    condition     = length(setsubtract(flatten(values(var.routes)[*].projects), local.watched_projects)) == 0
    error_message = "A route's projects must be of those in config.yaml: ${join(", ", local.watched_projects)}."
  }
  validation {
    condition = alltrue([
      for glob in flatten(values(var.routes)[*].streams) : can(regex("^[a-z0-9*-]*[a-z0-9-][a-z0-9*-]*$", glob))
    ])
    error_message = "A route's streams must be ids, or globs such as \"dev-*\" (a-z, 0-9, -, *), and not \"*\" alone."
  }
  validation {
    condition = alltrue([
      for names in [flatten(values(var.routes)[*].projects), flatten(values(var.routes)[*].streams)] :
      length(names) == length(distinct(names))
    ])
    error_message = "A project, or a glob of streams, is in two routes, or twice in one. Its alerts go to one team."
  }
  validation {
    condition = alltrue([
      for name in flatten([
        for given in values(var.routes) : values(given.notification_channels) if given.notification_channels != null
      ]) : can(regex(local.channel_form, name))
    ])
    error_message = local.channel_advice
  }
  validation {
    condition     = alltrue([for url in compact(values(var.routes)[*].runbook_url) : can(regex(local.url_form, url))])
    error_message = local.url_advice
  }
  validation {
    condition = alltrue(flatten([
      for given in values(var.routes) : [
        for severity, mention in given.slack_mentions :
        contains(local.severities, severity) && can(regex(local.mention_form, mention))
      ]
    ]))
    error_message = local.mention_advice
  }
}

variable "slack_channel" {
  description = "Slack channel to create, such as `{ channel_name = \"#data-alerts\" }`: see [Slack](#slack)."
  type = object({
    channel_name  = string
    display_name  = optional(string)
    severities    = optional(set(string), ["CRITICAL", "ERROR", "WARNING"])
    token_version = optional(string, "1")
  })
  default = null

  validation {
    condition = var.slack_channel == null ? true : (
      startswith(var.slack_channel.channel_name, "#") &&
      length(setsubtract(var.slack_channel.severities, local.severities)) == 0
    )
    error_message = "channel_name must begin with #, as \"#data-alerts\"; severities are CRITICAL, ERROR and WARNING."
  }
  validation {
    condition     = var.slack_channel == null || startswith(coalesce(var.slack_token, "none"), "xoxb-")
    error_message = "slack_channel needs slack_token, a bot's token (xoxb-…), at each plan, apply and destroy."
  }
}

variable "slack_mentions" {
  description = "Slack mentions in alert texts, by severity: `\"<!subteam^ID>\"`, `\"<@USER>\"`, `\"<!channel>\"`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for severity, mention in var.slack_mentions :
      contains(local.severities, severity) && can(regex(local.mention_form, mention))
    ])
    error_message = local.mention_advice
  }
}

variable "slack_token" {
  description = "Slack bot's token (`xoxb-…`) for `slack_channel`. It is stored in neither plan nor state."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}
