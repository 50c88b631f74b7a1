variable "create_policies" {
  description = "Whether to create the alert policies. To turn off single ones, use `policy_overrides`."
  type        = bool
  default     = true
  nullable    = false
}

variable "notification_channels" {
  description = "Existing channels (Slack, email, PagerDuty, …) of the metrics project to notify, by severity and by full name: `{ CRITICAL = [\"projects/PROJECT/notificationChannels/ID\"] }`. ERROR without a list uses that of CRITICAL, WARNING that of ERROR; `[]` notifies nobody."
  type        = map(list(string))
  default     = {}
  nullable    = false

  # Channels have rules of their own: those that the same apply creates are unknown, and no sentence shows them.
  validation {
    condition     = length(setsubtract(keys(var.notification_channels), local.severities)) == 0
    error_message = "notification_channels: ${join(", ", setsubtract(keys(var.notification_channels), local.severities))} is unknown. Allowed: ${join(", ", local.severities)}."
  }

  validation {
    condition     = alltrue([for channel in flatten([for channels in values(var.notification_channels) : coalesce(channels, [])]) : can(regex(local.channel_form, channel))])
    error_message = "notification_channels: ${join(", ", [for channel in flatten([for channels in values(var.notification_channels) : coalesce(channels, [])]) : channel if !can(regex(local.channel_form, channel))])}: ${local.channel_rule}"
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
    condition     = var.policy_directory == null || length(setintersection(fileset(coalesce(var.policy_directory, "."), "*.y*ml"), setunion(fileset(local.own_folder, "*.yaml"), fileset(coalesce(var.policy_directory, "."), "*.yml")))) == 0
    error_message = "policy_directory: each file's name must end with .yaml, not .yml, and be no policy of this module. Rename ${join(", ", setintersection(fileset(coalesce(var.policy_directory, "."), "*.y*ml"), setunion(fileset(local.own_folder, "*.yaml"), fileset(coalesce(var.policy_directory, "."), "*.yml"))))}. To turn off a policy of the module, set enabled = false in policy_overrides."
  }

  validation {
    condition = var.policy_directory == null || alltrue([
      for policy in [for file in fileset(coalesce(var.policy_directory, "."), "*.yaml") : try(yamldecode(file("${var.policy_directory}/${file}")), null)] :
      can(policy.displayName) && can(policy.combiner) && can(policy.alertStrategy.autoClose) &&
      try(contains(local.severities, policy.severity) && length(policy.conditions) == 1, false) &&
      can(policy.documentation.mimeType) && can(policy.documentation.subject) && can(policy.documentation.content) &&
      can(policy.conditions[0].displayName) && (can(policy.conditions[0].conditionMatchedLog.filter) || (
        can(policy.conditions[0].conditionPrometheusQueryLanguage.query) &&
        can(policy.conditions[0].conditionPrometheusQueryLanguage.evaluationInterval) &&
        try(tonumber(regex("^([0-9]+)s$", policy.conditions[0].conditionPrometheusQueryLanguage.duration)[0]) % 60 == 0, false)
      ))
    ])
    error_message = "policy_directory: each file must be a policy in the form of those in alerting_policies/, with one condition and a duration in whole minutes, written in seconds. `datastream-lab list --policies ${coalesce(var.policy_directory, ".")}` names each mistake."
  }
}

variable "policy_overrides" {
  description = "Changes to single policies, by file name without .yaml: `enabled`, `severity`, `duration` (whole minutes, such as `\"120s\"`), `threshold`, `notification_channels` (full names), `runbook_url`."
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
    condition     = alltrue([for change in values(var.policy_overrides) : anytrue([for value in values(change) : value != null])])
    error_message = "policy_overrides: ${join(", ", [for name, change in var.policy_overrides : name if alltrue([for value in values(change) : value == null])])} sets nothing. Allowed: duration, enabled, notification_channels, runbook_url, severity, threshold."
  }

  validation {
    condition     = length(setsubtract(keys(var.policy_overrides), local.policy_names)) == 0
    error_message = "policy_overrides: no policy is called ${join(", ", setsubtract(keys(var.policy_overrides), local.policy_names))}. The policies are ${join(", ", local.policy_names)}."
  }

  validation {
    condition = alltrue([for name, change in var.policy_overrides :
      contains(local.severities, coalesce(change.severity, "ERROR")) && can(regex("^https://[^\\s()]+$", coalesce(change.runbook_url, "https://x"))) && floor(coalesce(change.threshold, 1)) == coalesce(change.threshold, 1) &&
      coalesce(change.threshold, 1) >= lookup(local.threshold_limits, name, [0])[0] &&
      coalesce(change.threshold, 1) <= max(lookup(local.threshold_limits, name, [1000000000000])...)
    ])
    error_message = "policy_overrides: ${join(" and ", [for name, change in var.policy_overrides : "${name} has ${join(", ", compact([change.severity, change.threshold, change.runbook_url]))}" if length(compact([change.severity, change.threshold, change.runbook_url])) > 0])}. A severity must be ${join(" or ", local.severities)}, runbook_url start with https://, a threshold be a whole number of 0 or more, ${join(", ", [for name, limits in local.threshold_limits : "that of ${name} from ${join(" to ", limits)}"])}: with any other, the policy would always fire or never."
  }

  validation {
    condition     = alltrue(flatten([for change in values(var.policy_overrides) : [for channel in coalesce(change.notification_channels, []) : can(regex(local.channel_form, channel))]]))
    error_message = "policy_overrides: ${join(" and ", [for name, change in var.policy_overrides : "${name} has ${join(", ", change.notification_channels)}" if change.notification_channels != null])}: ${local.channel_rule}"
  }

  validation {
    condition     = alltrue([for change in values(var.policy_overrides) : try(tonumber(regex("^([0-9]{1,5})s$", coalesce(change.duration, "0s"))[0]) <= 82800 && tonumber(trimsuffix(coalesce(change.duration, "0s"), "s")) % 60 == 0, false)])
    error_message = "policy_overrides: ${join(", ", [for name, change in var.policy_overrides : "${name} has duration = \"${change.duration}\"" if change.duration != null && !try(tonumber(regex("^([0-9]{1,5})s$", change.duration)[0]) <= 82800 && tonumber(trimsuffix(change.duration, "s")) % 60 == 0, false)])}. A duration must be whole minutes, written in seconds: from \"0s\" to \"82800s\" (23 hours), such as \"120s\"."
  }

  validation {
    condition     = alltrue([for name, change in var.policy_overrides : (change.duration == null || !can(local.log_conditions[name])) && (change.threshold == null || can(local.decoded[name].userLabels.threshold))])
    error_message = "policy_overrides: ${join(" and ", [for name, change in var.policy_overrides : name if(change.duration != null && can(local.log_conditions[name])) || (change.threshold != null && !can(local.decoded[name].userLabels.threshold))])} can't have that. A policy on single log entries (${join(", ", keys(local.log_conditions))}) has no duration, and only ${join(", ", [for name, policy in local.decoded : name if can(policy.userLabels.threshold)])} have a threshold."
  }
}

variable "renotify_intervals" {
  description = "How often an open incident notifies again, by severity, such as `{ CRITICAL = \"14400s\" }`. By default, it notifies once."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for severity, interval in var.renotify_intervals : contains(local.severities, severity) && try(tonumber(regex("^([0-9]+)s$", interval)[0]) >= 1800 && tonumber(trimsuffix(interval, "s")) <= 86400, false)])
    error_message = "renotify_intervals must be by severity (${join(", ", local.severities)}), and whole seconds from \"1800s\" (30 minutes) to \"86400s\" (24 hours). Now ${join(" and ", [for severity, interval in var.renotify_intervals : "${severity} has ${interval}"])}."
  }
}

variable "routes" {
  description = "Who gets the alerts of which watched projects, by a name of your choice. `notification_channels` and `slack_mentions` are as in the inputs of that name; with `notification_channels = null`, only `log_notification_channels` count: channels for policies on a project's log, by project, in that project. `runbook_url` is the runbook of its alerts. Projects in no route, and exporter-*, use `notification_channels`. Each route repeats the policies on streams: the README's Cost says for how much."
  type = map(object({
    log_notification_channels = optional(map(list(string)), {})
    # Required: Terraform would drop a misspelled one without a word, and the route would notify nobody.
    notification_channels = map(list(string))
    projects              = list(string)
    runbook_url           = optional(string)
    slack_mentions        = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue(flatten([for name, route in var.routes : [
      can(regex("^[a-z][a-z0-9_-]{0,62}$", name)), can(regex("^https://[^\\s()]+$", coalesce(route.runbook_url, "https://x"))),
      [for severity in concat(keys(coalesce(route.notification_channels, {})), keys(route.slack_mentions)) : contains(local.severities, severity)],
      [for mention in values(route.slack_mentions) : can(regex(local.mention_form, mention))],
    ]]))
    error_message = "routes: ${join(" and ", [for name, route in var.routes : join(" has ", compact([name, join(", ", concat(keys(coalesce(route.notification_channels, {})), keys(route.slack_mentions), values(route.slack_mentions), compact([route.runbook_url])))]))])}. A route's name must start with a letter and may have up to 63 lower-case letters, digits, - and _. runbook_url must start with https://. A severity must be ${join(" or ", local.severities)}. ${local.mention_rule}"
  }

  validation {
    condition     = alltrue([for route in values(var.routes) : route.notification_channels != null || (route.runbook_url == null && length(route.slack_mentions) == 0 && length(route.log_notification_channels) > 0)])
    error_message = "routes: ${join(", ", [for name, route in var.routes : name if route.notification_channels == null])} has no notification_channels, so it may only have log_notification_channels: slack_mentions and runbook_url would be shown to nobody of its own."
  }

  validation {
    condition = (
      alltrue([for route in values(var.routes) : length(route.projects) > 0 && length(setsubtract(route.projects, local.watched_projects)) == 0]) &&
      length(flatten(values(var.routes)[*].projects)) == length(toset(flatten(values(var.routes)[*].projects)))
    )
    error_message = "routes: each must have projects that config.yaml watches (${join(", ", local.watched_projects)}), and a project may be in one route only. Now ${join(" and ", [for name, route in var.routes : "${name} has ${join(", ", route.projects)}"])}."
  }

  validation {
    condition     = alltrue([for channel in flatten([for route in values(var.routes) : [for channels in values(coalesce(route.notification_channels, {})) : coalesce(channels, [])]]) : can(regex(local.channel_form, channel))])
    error_message = "routes: ${join(" and ", [for name, route in var.routes : "${name} has ${join(", ", flatten([for channels in values(coalesce(route.notification_channels, {})) : coalesce(channels, [])]))}"])}: ${local.channel_rule}"
  }

  validation {
    condition     = alltrue(flatten([for route in values(var.routes) : [for project, channels in route.log_notification_channels : [for channel in coalesce(channels, []) : contains(route.projects, project) && can(regex("^projects/${project}/notificationChannels/[0-9]+$", channel))]]]))
    error_message = "routes: ${join(" and ", [for name, route in var.routes : "${name} has log_notification_channels ${join(", ", flatten([for project, channels in route.log_notification_channels : [for channel in coalesce(channels, []) : "${channel} for ${project}"]]))}"])}: there may only be the route's own projects, and for each project channels of that project, projects/PROJECT/notificationChannels/ID. A channel works only in its own project."
  }
}

variable "slack_channel" {
  description = "Slack channel to create: `channel_name` with its #, and the `severities` that it receives. The bot's token is `slack_token`; to send a new token, change `token_version`. For an existing channel, use `notification_channels`."
  type = object({
    channel_name  = string
    display_name  = optional(string)
    severities    = optional(set(string), ["CRITICAL", "ERROR", "WARNING"])
    token_version = optional(string, "1")
  })
  default = null

  validation {
    condition     = var.slack_channel == null || try(startswith(var.slack_channel.channel_name, "#") && length(setsubtract(var.slack_channel.severities, local.severities)) == 0, false)
    error_message = "slack_channel: channel_name must be a channel with its #, such as \"#data-alerts\", and severities must be among ${join(", ", local.severities)}."
  }

  # Not a rule of slack_token itself: Terraform shows the line that sets the variable, sensitive or not.
  validation {
    condition     = var.slack_channel == null || startswith(coalesce(var.slack_token, "none"), "xoxb-")
    error_message = "slack_channel needs slack_token, a Slack bot's token, which starts with xoxb-, at each plan, apply and destroy. It is in the Slack app's settings under OAuth & Permissions. A webhook URL doesn't work. An ephemeral resource reads it from Secret Manager, as in examples/slack-created. You can also set TF_VAR_slack_token."
  }
}

variable "slack_mentions" {
  description = "Slack mentions to append to alert texts, by severity: `\"<!subteam^ID>\"`, `\"<@USER>\"`, `\"<!channel>\"`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for severity, mention in var.slack_mentions : contains(local.severities, severity) && can(regex(local.mention_form, mention))])
    error_message = "slack_mentions: ${join(" and ", [for severity, mention in var.slack_mentions : "${severity} has ${mention}"])}. A severity must be ${join(" or ", local.severities)}. ${local.mention_rule}"
  }
}

variable "slack_token" {
  description = "Slack bot's token (`xoxb-…`) for `slack_channel`. It is stored in neither plan nor state, so each plan, apply and destroy needs it: as an ephemeral resource that reads Secret Manager, or as `TF_VAR_slack_token`."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}
