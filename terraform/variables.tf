variable "auto_close" {
  description = "After how long without data an incident closes by itself, such as `\"1800s\"`. Without it, each policy's file decides."
  type        = string
  default     = null

  validation {
    condition     = var.auto_close == null || try(tonumber(trimsuffix(var.auto_close, "s")) >= 1800 && tonumber(trimsuffix(var.auto_close, "s")) <= 604800 && endswith(var.auto_close, "s"), false)
    error_message = "auto_close is written in whole seconds, from \"1800s\" (30 minutes) to \"604800s\" (7 days)."
  }
}

variable "collect_objects_schedule" {
  description = "Cron schedule, in UTC, of a second job that collects the streams' objects (tables), such as `\"7 * * * *\"`. At least every 90 minutes: the policies look back three hours. Only with mode `scheduled`; in continuous mode, set `collect.objects` in config.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.collect_objects_schedule == null || try(length(split(" ", var.collect_objects_schedule)) == 5, false)
    error_message = "collect_objects_schedule is a cron schedule of five fields, such as \"7 * * * *\" (every hour at minute 7)."
  }

  validation {
    condition     = var.collect_objects_schedule == null || var.mode == "scheduled"
    error_message = "collect_objects_schedule makes a second job, which mode = \"continuous\" has no use for: leave it out, and set `collect: {objects: true}` in config.yaml; objects are then collected every 15 minutes."
  }

  validation {
    condition     = var.collect_objects_schedule == null || !try(yamldecode(local.config_text).collect.objects, false)
    error_message = "config.yaml has `collect: {objects: true}`, with which the minute's run collects objects as well. Set it to false: the job of collect_objects_schedule collects them."
  }
}

variable "config" {
  description = "Text of config.yaml: `file(\"config.yaml\")`. Without it, the file beside this module's folder is taken, for those who apply a clone of the whole project."
  type        = string
  default     = null

  validation {
    condition     = var.config == null || can(yamldecode(var.config).metrics.project)
    error_message = "config is the text of a config.yaml, and this is none that has metrics.project. Pass file(\"config.yaml\"), not its name; `datastream-exporter check` tells what is wrong in it, with lines."
  }

  validation {
    condition     = var.config == null || can([for source in yamldecode(var.config).sources : source.project])
    error_message = "config is the text of a config.yaml, and this one has no `sources` with a `project` each. `datastream-exporter check` tells what is wrong in it, with lines."
  }

  validation {
    condition     = length(coalesce(var.config, file("${path.module}/../config.yaml"))) <= 32768
    error_message = "config is longer than the 32 KiB that an environment variable on Cloud Run can hold. Globs in `match`, `include` and `exclude` say more with less."
  }

  validation {
    condition     = try(yamldecode(coalesce(var.config, file("${path.module}/../config.yaml"))).metrics.project, "") != "my-project"
    error_message = "config.yaml still names the project \"my-project\" of the example. Put in your own, or pass config = file(\"config.yaml\")."
  }
}

variable "enable_apis" {
  description = "Whether to enable the APIs that are needed. Off where somebody else does."
  type        = bool
  default     = true
  nullable    = false
}

variable "image" {
  description = "The exporter's image, by digest: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:…`. Cloud Run takes images of Artifact Registry and Docker Hub alone."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+/.+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image names no digest, so what runs could change unseen. Write it as REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:DIGEST; `gcloud artifacts docker images describe IMAGE:TAG --format='value(image_summary.digest)'` tells the digest of a tag."
  }
}

variable "interval" {
  description = "From one run to the next in continuous mode, `\"10s\"` to `\"60s\"`. Cloud Monitoring takes no points that are closer, and the policies' windows fit no run that is rarer."
  type        = string
  default     = "10s"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+s$", var.interval)) && try(tonumber(trimsuffix(var.interval, "s")) >= 10 && tonumber(trimsuffix(var.interval, "s")) <= 60, false)
    error_message = "interval is written in seconds, from \"10s\" to \"60s\": Cloud Monitoring takes no points that are closer, and the policies take a longer silence for a dead exporter."
  }
}

variable "labels" {
  description = "Labels for jobs, worker pool and policies, such as `{ team = \"data\" }`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels have keys and values of lower-case letters, digits, - and _, up to 63 of them; a key begins with a letter."
  }
}

variable "log_notification_channels" {
  description = "Channels of the policies on logs, by watched project: full names, or display names in that project. A channel serves its own project alone. Without an entry, the metrics project takes `notification_channels`, and any other project has no policies on its logs."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.log_notification_channels), local.watched_projects)) == 0
    error_message = "log_notification_channels names ${join(", ", setsubtract(keys(var.log_notification_channels), local.watched_projects))}, which config.yaml does not watch. It watches: ${join(", ", local.watched_projects)}."
  }

  validation {
    condition = alltrue(flatten([
      for project, channels in var.log_notification_channels : [
        for channel in channels : !startswith(channel, "projects/") || startswith(channel, "projects/${project}/notificationChannels/")
      ]
    ]))
    error_message = "log_notification_channels: a channel serves its own project alone. Name for each project one of its own, as projects/PROJECT/notificationChannels/ID or by display name."
  }
}

variable "manage_metrics_scope" {
  description = "Whether to put the watched projects into the metrics scope of the metrics project, which the policies on Datastream's own metrics need. Off where somebody else does."
  type        = bool
  default     = true
  nullable    = false
}

variable "mentions" {
  description = "What is appended to a page's text, by severity, so that Slack notifies somebody: `\"<!subteam^ID>\"`, `\"<@USER>\"`, `\"<!channel>\"`."
  type = object({
    CRITICAL = optional(string)
    ERROR    = optional(string)
    WARNING  = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for mention in values(var.mentions) : mention == null || can(regex("^<(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>( <(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>)*$", mention))])
    error_message = "mentions are written as Slack reads them in a message of an app: \"<!subteam^S0123ABCD>\" for a group, \"<@U0123ABCD>\" for a person, \"<!channel>\" or \"<!here>\"; several with a space between. \"@name\" notifies nobody."
  }
}

variable "mode" {
  description = "`scheduled`: a Cloud Run job, every minute. `continuous`: a worker pool, every `interval`."
  type        = string
  default     = "scheduled"
  nullable    = false

  validation {
    condition     = contains(["scheduled", "continuous"], var.mode)
    error_message = "mode is \"scheduled\" (a Cloud Run job, every minute) or \"continuous\" (a worker pool, every 10 to 60 seconds). Nothing slower is offered: the policies would take the silence for a dead exporter."
  }
}

variable "name" {
  description = "Name of the job or worker pool; the accounts' names and the custom role's begin with it."
  type        = string
  default     = "datastream-exporter"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,23}[a-z0-9]$", var.name))
    error_message = "name has 6 to 25 lower-case letters, digits and -, and begins with a letter: the accounts are named after it, and they have 30 at most."
  }
}

variable "notification_channels" {
  description = "Whom policies notify, by severity: existing channels (Slack, email, PagerDuty, …) of the metrics project, by full name (`projects/PROJECT/notificationChannels/ID`) or by display name."
  type = object({
    CRITICAL = optional(list(string), [])
    ERROR    = optional(list(string), [])
    WARNING  = optional(list(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for channel in flatten(values(var.notification_channels)) :
      !startswith(channel, "projects/") || startswith(channel, "projects/${local.metrics_project}/notificationChannels/")
    ])
    error_message = "notification_channels: policies live in ${local.metrics_project}, and a channel serves its own project alone. Write projects/${local.metrics_project}/notificationChannels/ID, or the channel's display name."
  }
}

variable "policies" {
  description = "Changes of single policies, by file name without .yaml: `enabled`, `severity`, `duration` (such as `\"120s\"`), `threshold`, `notification_channels`."
  type = map(object({
    enabled               = optional(bool)
    severity              = optional(string)
    duration              = optional(string)
    threshold             = optional(number)
    notification_channels = optional(list(string))
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.policies), local.policy_names)) == 0
    error_message = "policies: there is no ${join(", ", setsubtract(keys(var.policies), local.policy_names))}. There are: ${join(", ", local.policy_names)}."
  }

  validation {
    condition     = alltrue([for policy in values(var.policies) : policy.severity == null || contains(["CRITICAL", "ERROR", "WARNING"], coalesce(policy.severity, "none"))])
    error_message = "policies: severity is CRITICAL, ERROR or WARNING."
  }

  validation {
    condition = alltrue([
      for policy in values(var.policies) : policy.duration == null || (
        can(regex("^[0-9]+s$", policy.duration)) && try(tonumber(trimsuffix(policy.duration, "s")) <= 82800, false)
      )
    ])
    error_message = "policies: duration is written in whole seconds, from \"0s\" to \"82800s\" (23 hours)."
  }

  validation {
    condition     = alltrue([for name, policy in var.policies : policy.duration == null || !can(local.log_conditions[name])])
    error_message = "policies: ${join(", ", [for name, policy in var.policies : name if policy.duration != null && can(local.log_conditions[name])])} judges single log entries, so there is no duration to set."
  }

  validation {
    condition     = alltrue([for name, policy in var.policies : policy.threshold == null || can(local.originals[name].userLabels.threshold)])
    error_message = "policies: ${join(", ", [for name, policy in var.policies : name if policy.threshold != null && !can(local.originals[name].userLabels.threshold)])} has no threshold. Those that do: ${join(", ", [for name, policy in local.originals : name if can(policy.userLabels.threshold)])}."
  }

  validation {
    condition     = alltrue([for policy in values(var.policies) : policy.threshold == null || try(policy.threshold >= 0 && floor(policy.threshold) == policy.threshold, false)])
    error_message = "policies: threshold is a whole number, 0 or more."
  }

  validation {
    condition = alltrue(flatten([
      for name, policy in var.policies : [
        for channel in coalesce(policy.notification_channels, []) :
        !startswith(channel, "projects/") || startswith(channel, "projects/${local.metrics_project}/notificationChannels/")
      ]
    ]))
    error_message = "policies: they live in ${local.metrics_project}, and a channel serves its own project alone. Write projects/${local.metrics_project}/notificationChannels/ID, or the channel's display name."
  }
}

variable "policy_directory" {
  description = "Folder with policies of your own, one YAML file each, in the form of those in `alerting_policies/`."
  type        = string
  default     = null

  validation {
    condition     = var.policy_directory == null || length(fileset(coalesce(var.policy_directory, "."), "*.yaml")) > 0
    error_message = "policy_directory holds no file that ends in .yaml. Give the folder's path from the place that terraform runs in; \"$${path.root}/policies\" is beside your main.tf."
  }

  validation {
    condition     = var.policy_directory == null || length(setintersection(fileset(coalesce(var.policy_directory, "."), "*.yaml"), fileset(local.own_folder, "*.yaml"))) == 0
    error_message = "policy_directory holds files that are called like policies of this module: ${join(", ", setintersection(fileset(coalesce(var.policy_directory, "."), "*.yaml"), fileset(local.own_folder, "*.yaml")))}. Give them another name; to be rid of the module's, switch them off with `policies`."
  }

  validation {
    condition = var.policy_directory == null || alltrue([
      for file in fileset(coalesce(var.policy_directory, "."), "*.yaml") : try(
        length(yamldecode(file("${var.policy_directory}/${file}")).conditions) == 1 && anytrue([
          for condition in yamldecode(file("${var.policy_directory}/${file}")).conditions :
          can(condition.conditionPrometheusQueryLanguage.query) || can(condition.conditionMatchedLog.filter)
        ]), false
      )
    ])
    error_message = "policy_directory: each file is a policy in the form of those in alerting_policies/, with one condition, a conditionPrometheusQueryLanguage or a conditionMatchedLog. Not so: ${join(", ", [for file in fileset(coalesce(var.policy_directory, "."), "*.yaml") : file if !can(yamldecode(file("${var.policy_directory}/${file}")).conditions[0].conditionPrometheusQueryLanguage.query) && !can(yamldecode(file("${var.policy_directory}/${file}")).conditions[0].conditionMatchedLog.filter)])}."
  }
}

variable "project" {
  description = "Project that the job or worker pool runs in. Without it, the metrics project of config.yaml."
  type        = string
  default     = null
}

variable "region" {
  description = "Region that the job or worker pool runs in, such as `\"europe-west1\"`. It may watch any location from there."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a region of Cloud Run, such as \"europe-west1\"; a zone (\"europe-west1-b\") or \"global\" is none."
  }
}

variable "renotify_intervals" {
  description = "How often an open incident notifies again, by severity, such as `\"14400s\"`. Without one it notifies once."
  type = object({
    CRITICAL = optional(string)
    ERROR    = optional(string)
    WARNING  = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for interval in values(var.renotify_intervals) : interval == null || try(tonumber(trimsuffix(interval, "s")) >= 1800 && tonumber(trimsuffix(interval, "s")) <= 86400 && endswith(interval, "s"), false)])
    error_message = "renotify_intervals are written in whole seconds, from \"1800s\" (30 minutes) to \"86400s\" (24 hours)."
  }
}

variable "scheduler_region" {
  description = "Region of Cloud Scheduler, where it is not to be had in `region`."
  type        = string
  default     = null
}

variable "slack_channel" {
  description = "A Slack channel to make: `channel_name` with its #, and `severities` that it receives. The bot's token is `slack_token`; a new one is sent when `token_version` changes. A channel that exists already goes into `notification_channels`."
  type = object({
    channel_name  = string
    display_name  = optional(string)
    severities    = optional(list(string), ["CRITICAL", "ERROR", "WARNING"])
    token_version = optional(string, "1")
  })
  default = null

  validation {
    condition     = var.slack_channel == null || startswith(try(var.slack_channel.channel_name, ""), "#")
    error_message = "slack_channel.channel_name is written with its #, such as \"#data-alerts\"."
  }

  validation {
    condition     = var.slack_channel == null || length(setsubtract(try(var.slack_channel.severities, []), ["CRITICAL", "ERROR", "WARNING"])) == 0
    error_message = "slack_channel.severities are CRITICAL, ERROR and WARNING."
  }

  validation {
    condition     = var.slack_channel == null || var.slack_token != null
    error_message = "slack_channel needs slack_token, the token of a Slack bot (xoxb-…; the URL of a webhook does not work), at each plan, apply and destroy. The module in slack_token/ reads it from Secret Manager; by hand: TF_VAR_slack_token."
  }
}

variable "slack_token" {
  description = "Token of the Slack bot (`xoxb-…`) for `slack_channel`. It reaches neither plan nor state, so it is given at each plan, apply and destroy: from Secret Manager by the module in `slack_token/`, or as `TF_VAR_slack_token`."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "tasks" {
  description = "How many tasks of the job share the locations. More than one where a run does not read them all in time."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.tasks >= 1 && var.tasks <= 100 && floor(var.tasks) == var.tasks
    error_message = "tasks is a whole number from 1 to 100."
  }

  validation {
    condition     = var.tasks == 1 || var.mode == "scheduled"
    error_message = "tasks share the locations in mode = \"scheduled\" alone; the worker pool of mode = \"continuous\" has one instance."
  }
}
