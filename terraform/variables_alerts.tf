variable "auto_close" {
  description = "How long without data until an incident closes automatically, such as `\"1800s\"`. By default, each policy's file sets it."
  type        = string
  default     = null

  validation {
    condition     = var.auto_close == null || try(tonumber(regex("^([0-9]+)s$", var.auto_close)[0]) >= 1800 && tonumber(trimsuffix(var.auto_close, "s")) <= 604800, false)
    error_message = "auto_close must be whole seconds from \"1800s\" (30 minutes) to \"604800s\" (7 days)."
  }
}

variable "create_dashboard" {
  description = "Whether to create the dashboard."
  type        = bool
  default     = true
  nullable    = false
}

variable "create_policies" {
  description = "Whether to create the alert policies. To turn off single ones, use `policy_overrides`."
  type        = bool
  default     = true
  nullable    = false
}

variable "log_notification_channels" {
  description = "Moved into `routes`. Setting it is an error that shows the new form."
  type        = any
  default     = null

  validation {
    condition     = var.log_notification_channels == null
    error_message = "log_notification_channels is part of routes now. Remove it and write:\nroutes = {\n  TEAM = {\n    projects                  = ${try(jsonencode(keys(var.log_notification_channels)), "[PROJECT]")}\n    log_notification_channels = ${try(replace(jsonencode(var.log_notification_channels), ":[", " = ["), "{ PROJECT = [CHANNEL] }")}\n  }\n}"
  }
}

variable "notification_channels" {
  description = "Channels to notify, by severity: existing channels (Slack, email, PagerDuty, …) of the metrics project, by full name (`projects/PROJECT/notificationChannels/ID`) or display name."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.notification_channels), local.severities)) == 0
    error_message = "notification_channels: ${join(", ", setsubtract(keys(var.notification_channels), local.severities))} is unknown. Allowed: ${join(", ", local.severities)}."
  }

  validation {
    condition = alltrue([
      for channel in flatten([for channels in values(var.notification_channels) : coalesce(channels, [])]) :
      !startswith(channel, "projects/") || can(regex("^projects/${local.metrics_project}/notificationChannels/[0-9]+$", channel))
    ])
    error_message = "notification_channels: the policies are in ${local.metrics_project}, and a channel works only in its own project. Use projects/${local.metrics_project}/notificationChannels/ID, or the channel's display name."
  }
}

variable "policy_directory" {
  description = "Directory with your own policies, one YAML file each, in the same form as those in `alerting_policies/`."
  type        = string
  default     = null

  validation {
    condition     = var.policy_directory == null || length(fileset(coalesce(var.policy_directory, "."), "*.yaml")) > 0
    error_message = "policy_directory has no .yaml file. The path is relative to the working directory; \"$${path.root}/policies\" is a directory next to your main.tf."
  }

  validation {
    condition     = var.policy_directory == null || length(setintersection(fileset(coalesce(var.policy_directory, "."), "*.yaml"), fileset(local.own_folder, "*.yaml"))) == 0
    error_message = "policy_directory has files with the same names as policies of this module: ${join(", ", setintersection(fileset(coalesce(var.policy_directory, "."), "*.yaml"), fileset(local.own_folder, "*.yaml")))}. Rename them. To turn off a policy of the module, set enabled = false in policy_overrides."
  }

  validation {
    condition     = var.policy_directory == null || join("", [for file in fileset(coalesce(var.policy_directory, "."), "*.yaml") : templatefile("${path.module}/mistakes.tftpl", { name = file, rules = local.input_rules.policy_file, value = try(yamldecode(file("${var.policy_directory}/${file}")), null) })]) == ""
    error_message = "policy_directory has mistakes. `datastream-lab list` also checks what Terraform can't, such as the rest of PromQL.\n${join("\n", compact([for file in fileset(coalesce(var.policy_directory, "."), "*.yaml") : templatefile("${path.module}/mistakes.tftpl", { name = file, rules = local.input_rules.policy_file, value = try(yamldecode(file("${var.policy_directory}/${file}")), null) })]))}"
  }
}

variable "policy_overrides" {
  description = "Changes to single policies, by file name without .yaml: `enabled`, `severity`, `duration` (such as `\"120s\"`), `threshold`, `notification_channels`, `runbook_url`."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = templatefile("${path.module}/mistakes.tftpl", { name = "policy_overrides", rules = local.input_rules.policy_overrides, value = var.policy_overrides }) == ""
    error_message = templatefile("${path.module}/mistakes.tftpl", { name = "policy_overrides", rules = local.input_rules.policy_overrides, value = var.policy_overrides })
  }

  validation {
    condition     = length(setsubtract(keys(var.policy_overrides), local.policy_names)) == 0
    error_message = "policy_overrides: no policy is called ${join(", ", setsubtract(keys(var.policy_overrides), local.policy_names))}. The policies are ${join(", ", local.policy_names)}."
  }

  validation {
    condition     = alltrue([for policy in values(var.policy_overrides) : try(tonumber(trimsuffix(policy.duration, "s")) <= 82800, true)])
    error_message = "policy_overrides: duration must be whole seconds from \"0s\" to \"82800s\" (23 hours)."
  }

  validation {
    condition     = alltrue([for name, policy in var.policy_overrides : try(policy.duration, null) == null || !can(local.log_conditions[name])])
    error_message = "policy_overrides: ${join(", ", [for name, policy in var.policy_overrides : name if try(policy.duration, null) != null && can(local.log_conditions[name])])} alerts on single log entries and has no duration."
  }

  validation {
    condition     = alltrue([for name, policy in var.policy_overrides : try(policy.threshold, null) == null || can(local.decoded[name].userLabels.threshold)])
    error_message = "policy_overrides: ${join(", ", [for name, policy in var.policy_overrides : name if try(policy.threshold, null) != null && !can(local.decoded[name].userLabels.threshold)])} has no threshold. Policies with a threshold: ${join(", ", [for name, policy in local.decoded : name if can(policy.userLabels.threshold)])}."
  }

  validation {
    condition = alltrue(flatten([
      for name, policy in var.policy_overrides : [
        for channel in try([for channel in policy.notification_channels : tostring(channel)], []) :
        !startswith(channel, "projects/") || can(regex("^projects/${local.metrics_project}/notificationChannels/[0-9]+$", channel))
      ]
    ]))
    error_message = "policy_overrides: they are in ${local.metrics_project}, and a channel works only in its own project. Use projects/${local.metrics_project}/notificationChannels/ID, or the channel's display name."
  }
}

variable "renotify_intervals" {
  description = "How often an open incident notifies again, by severity, such as `\"14400s\"`. By default, it notifies once."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.renotify_intervals), local.severities)) == 0
    error_message = "renotify_intervals: ${join(", ", setsubtract(keys(var.renotify_intervals), local.severities))} is unknown. Allowed: ${join(", ", local.severities)}."
  }

  validation {
    condition     = alltrue([for interval in values(var.renotify_intervals) : interval == null || try(tonumber(regex("^([0-9]+)s$", interval)[0]) >= 1800 && tonumber(trimsuffix(interval, "s")) <= 86400, false)])
    error_message = "renotify_intervals must be whole seconds from \"1800s\" (30 minutes) to \"86400s\" (24 hours)."
  }
}

variable "routes" {
  description = "Who gets the alerts of which watched projects, by a name of your choice. `notification_channels` (all three severities, channels of the metrics project) and `slack_mentions` as in the inputs of that name; `log_notification_channels` are channels for policies on a project's log, by project, in that project; `runbook_url` is the runbook of its alerts. Projects in no route, and exporter-*, use `notification_channels`."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = templatefile("${path.module}/mistakes.tftpl", { name = "routes", rules = local.input_rules.routes, value = var.routes }) == ""
    error_message = templatefile("${path.module}/mistakes.tftpl", { name = "routes", rules = local.input_rules.routes, value = var.routes })
  }

  validation {
    condition     = alltrue([for route in keys(var.routes) : can(regex("^[a-z][a-z0-9_-]{0,62}$", route))])
    error_message = "routes: a route's name must start with a letter and may have up to 63 lower-case letters, digits, - and _."
  }

  validation {
    condition = length(flatten([for route in values(var.routes) : try(route.projects, [])])) == length(toset(flatten([for route in values(var.routes) : try(route.projects, [])])))
    error_message = "routes: a project may be in one route only. ${join(" ", [
      for project in toset(flatten([for route in values(var.routes) : try(route.projects, [])])) :
      "${project} is in ${join(" and ", flatten([for name, route in var.routes : [for other in try(route.projects, []) : name if other == project]]))}."
      if length(flatten([for route in values(var.routes) : [for other in try(route.projects, []) : other if other == project]])) > 1
    ])}"
  }

  validation {
    condition     = length(setsubtract(flatten([for route in values(var.routes) : try(route.projects, [])]), local.watched_projects)) == 0
    error_message = "routes has projects that config.yaml doesn't watch: ${join(", ", setsubtract(flatten([for route in values(var.routes) : try(route.projects, [])]), local.watched_projects))}. It watches ${join(", ", local.watched_projects)}."
  }

  validation {
    condition = alltrue([
      for channel in flatten([for route in values(var.routes) : try(values(route.notification_channels), [])]) :
      !startswith(channel, "projects/") || can(regex("^projects/${local.metrics_project}/notificationChannels/[0-9]+$", channel))
    ])
    error_message = "routes: notification_channels are for policies in ${local.metrics_project}, and a channel works only in its own project. Use projects/${local.metrics_project}/notificationChannels/ID, or the channel's display name."
  }

  validation {
    condition     = alltrue(flatten([for name, route in var.routes : [for project in try(keys(route.log_notification_channels), []) : contains(try(route.projects, []), project)]]))
    error_message = "routes: log_notification_channels may only have the route's own projects. ${join(" ", flatten([for name, route in var.routes : [for project in try(keys(route.log_notification_channels), []) : "${project} isn't in the projects of ${name}." if !contains(try(route.projects, []), project)]]))}"
  }

  validation {
    condition = alltrue(flatten([
      for route in values(var.routes) : [
        for project, channels in try(route.log_notification_channels, null) == null ? {} : route.log_notification_channels : [
          for channel in try([for channel in channels : tostring(channel)], ["projects/"]) :
          !startswith(channel, "projects/") || can(regex("^projects/${project}/notificationChannels/[0-9]+$", channel))
        ]
      ]
    ]))
    error_message = "routes: log_notification_channels must be lists of channels. A channel works only in its own project: for each project, give channels of that project as projects/PROJECT/notificationChannels/ID or by display name."
  }

  validation {
    condition     = alltrue([for mention in flatten([for route in values(var.routes) : try(values(route.slack_mentions), [])]) : mention == null || can(regex(local.mention_form, mention))])
    error_message = "routes: ${local.mention_advice}"
  }
}

variable "slack_channel" {
  description = "Slack channel to create: `channel_name` with its #, and the `severities` that it receives. The bot's token is `slack_token`; to send a new token, change `token_version`. For an existing channel, use `notification_channels`."
  type        = any
  default     = null

  validation {
    condition     = var.slack_channel == null || templatefile("${path.module}/mistakes.tftpl", { name = "slack_channel", rules = local.input_rules.slack_channel, value = var.slack_channel }) == ""
    error_message = templatefile("${path.module}/mistakes.tftpl", { name = "slack_channel", rules = local.input_rules.slack_channel, value = var.slack_channel })
  }

  # Not a rule of slack_token itself: Terraform shows the line that sets the variable, sensitive or not.
  validation {
    condition     = var.slack_channel == null || startswith(coalesce(var.slack_token, "none"), "xoxb-")
    error_message = "slack_channel needs slack_token, a Slack bot's token, which starts with xoxb-, at each plan, apply and destroy. It is in the Slack app's settings under OAuth & Permissions. A webhook URL doesn't work. The module in slack_token/ reads it from Secret Manager. You can also set TF_VAR_slack_token."
  }
}

variable "slack_mentions" {
  description = "Slack mentions to append to alert texts, by severity: `\"<!subteam^ID>\"`, `\"<@USER>\"`, `\"<!channel>\"`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.slack_mentions), local.severities)) == 0
    error_message = "slack_mentions: ${join(", ", setsubtract(keys(var.slack_mentions), local.severities))} is unknown. Allowed: ${join(", ", local.severities)}."
  }

  validation {
    condition     = alltrue([for mention in values(var.slack_mentions) : mention == null || can(regex(local.mention_form, mention))])
    error_message = "slack_mentions: ${local.mention_advice}"
  }
}

variable "slack_token" {
  description = "Slack bot's token (`xoxb-…`) for `slack_channel`. It is stored in neither plan nor state, so each plan, apply and destroy needs it: from Secret Manager with the module in `slack_token/`, or as `TF_VAR_slack_token`."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}
