variable "auto_close" {
  description = "How long without data until an incident closes automatically, such as `\"1800s\"`. By default, each policy's file sets it."
  type        = string
  default     = null

  validation {
    condition     = var.auto_close == null || try(tonumber(trimsuffix(var.auto_close, "s")) >= 1800 && tonumber(trimsuffix(var.auto_close, "s")) <= 604800 && endswith(var.auto_close, "s"), false)
    error_message = "auto_close must be whole seconds from \"1800s\" (30 minutes) to \"604800s\" (7 days)."
  }
}

variable "collect_objects_schedule" {
  description = "Cron schedule in UTC of a second job that collects the streams' objects (tables), such as `\"7 * * * *\"`. It must run at least every 90 minutes because the policies look back three hours. Only for mode `scheduled`; in continuous mode, set `collect.objects` in config.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.collect_objects_schedule == null || try(length(split(" ", var.collect_objects_schedule)) == 5, false)
    error_message = "collect_objects_schedule must be a cron schedule with five fields, such as \"7 * * * *\" (every hour at minute 7)."
  }

  validation {
    condition     = var.collect_objects_schedule == null || var.mode == "scheduled"
    error_message = "collect_objects_schedule creates a second job, which mode = \"continuous\" doesn't have. Remove it and set `collect: {objects: true}` in config.yaml: the worker pool then collects objects every 15 minutes."
  }

  validation {
    condition     = var.collect_objects_schedule == null || !try(yamldecode(local.config_text).collect.objects, false)
    error_message = "config.yaml has `collect: {objects: true}`, so the job that runs every minute would collect objects too. Set it to false: the job with collect_objects_schedule collects them."
  }
}

variable "config" {
  description = "Text of config.yaml: `file(\"config.yaml\")`. By default, the config.yaml at the root of the repository, for applying a clone of it."
  type        = string
  default     = null

  validation {
    condition     = var.config == null || can(yamldecode(var.config).metrics.project)
    error_message = "config must be the text of a config.yaml with metrics.project. Pass file(\"config.yaml\"), not the file's name. `datastream-exporter check` lists mistakes in the file with their lines."
  }

  validation {
    condition     = var.config == null || can([for source in yamldecode(var.config).sources : source.project])
    error_message = "config must be the text of a config.yaml with `sources`, each with a `project`. `datastream-exporter check` lists mistakes in the file with their lines."
  }

  validation {
    condition     = length(coalesce(var.config, file("${path.module}/../config.yaml"))) <= 32768
    error_message = "config is longer than 32 KiB, the limit of an environment variable on Cloud Run. Shorten it with globs in `match`, `include` and `exclude`."
  }

  validation {
    condition     = try(yamldecode(coalesce(var.config, file("${path.module}/../config.yaml"))).metrics.project, "") != "my-project"
    error_message = "config.yaml still has the placeholder project \"my-project\". Replace it with your own, or pass config = file(\"config.yaml\")."
  }
}

variable "enable_apis" {
  description = "Whether to enable the required APIs. Set it to false if they are managed elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "image" {
  description = "The exporter's image, by digest: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:…`. Cloud Run pulls images only from Artifact Registry and Docker Hub."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+/.+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must have a digest: a tag can point to another image later, and no plan shows it. Write REGION-docker.pkg.dev/PROJECT/REPOSITORY/datastream-exporter@sha256:DIGEST. `gcloud artifacts docker images describe IMAGE:TAG --format='value(image_summary.digest)'` prints the digest of a tag."
  }
}

variable "interval" {
  description = "Time between runs in continuous mode, `\"10s\"` to `\"60s\"`. Cloud Monitoring rejects points that are closer together, and the policies treat a longer silence as a dead exporter."
  type        = string
  default     = "10s"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+s$", var.interval)) && try(tonumber(trimsuffix(var.interval, "s")) >= 10 && tonumber(trimsuffix(var.interval, "s")) <= 60, false)
    error_message = "interval must be whole seconds from \"10s\" to \"60s\": Cloud Monitoring rejects points that are closer together, and the policies treat a longer silence as a dead exporter."
  }
}

variable "labels" {
  description = "Labels of the jobs, the worker pool and the policies, such as `{ team = \"data\" }`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels: keys and values may have up to 63 lower-case letters, digits, - and _. A key must start with a letter."
  }
}

variable "log_notification_channels" {
  description = "Channels of the policies on logs, by watched project: full names, or display names in that project. A channel works only in its own project. Without an entry, the metrics project uses `notification_channels`, and any other project gets no policies on its log."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.log_notification_channels), local.watched_projects)) == 0
    error_message = "log_notification_channels has projects that config.yaml doesn't watch: ${join(", ", setsubtract(keys(var.log_notification_channels), local.watched_projects))}. It watches ${join(", ", local.watched_projects)}."
  }

  validation {
    condition = alltrue(flatten([
      for project, channels in var.log_notification_channels : [
        for channel in channels : !startswith(channel, "projects/") || startswith(channel, "projects/${project}/notificationChannels/")
      ]
    ]))
    error_message = "log_notification_channels: a channel works only in its own project. For each project, give channels of that project as projects/PROJECT/notificationChannels/ID or by display name."
  }
}

variable "manage_metrics_scope" {
  description = "Whether to add the watched projects to the metrics project's metrics scope. The policies on Datastream's own metrics need this. Set it to false if the scope is managed elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "mentions" {
  description = "Slack mentions to append to alert texts, by severity: `\"<!subteam^ID>\"`, `\"<@USER>\"`, `\"<!channel>\"`."
  type = object({
    CRITICAL = optional(string)
    ERROR    = optional(string)
    WARNING  = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for mention in values(var.mentions) : mention == null || can(regex("^<(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>( <(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>)*$", mention))])
    error_message = "mentions must have the form that Slack apps use: \"<!subteam^S0123ABCD>\" for a group, \"<@U0123ABCD>\" for a person, \"<!channel>\" or \"<!here>\", separated by spaces. \"@name\" notifies nobody."
  }
}

variable "mode" {
  description = "`scheduled`: a Cloud Run job that runs every minute. `continuous`: a worker pool that runs every `interval`."
  type        = string
  default     = "scheduled"
  nullable    = false

  validation {
    condition     = contains(["scheduled", "continuous"], var.mode)
    error_message = "mode must be \"scheduled\" (a Cloud Run job every minute) or \"continuous\" (a worker pool every 10 to 60 seconds). A slower mode doesn't exist: the policies would treat the silence as a dead exporter."
  }
}

variable "name" {
  description = "Name of the job or worker pool, and prefix of the service accounts and the custom role."
  type        = string
  default     = "datastream-exporter"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,23}[a-z0-9]$", var.name))
    error_message = "name must have 6 to 25 lower-case letters, digits and -, must start with a letter and must not end with -. The service accounts add a suffix and may have 30 characters."
  }
}

variable "notification_channels" {
  description = "Channels to notify, by severity: existing channels (Slack, email, PagerDuty, …) of the metrics project, by full name (`projects/PROJECT/notificationChannels/ID`) or display name."
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
    error_message = "notification_channels: the policies are in ${local.metrics_project}, and a channel works only in its own project. Use projects/${local.metrics_project}/notificationChannels/ID, or the channel's display name."
  }
}

variable "policies" {
  description = "Changes to single policies, by file name without .yaml: `enabled`, `severity`, `duration` (such as `\"120s\"`), `threshold`, `notification_channels`."
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
    error_message = "policies: no policy is called ${join(", ", setsubtract(keys(var.policies), local.policy_names))}. The policies are ${join(", ", local.policy_names)}."
  }

  validation {
    condition     = alltrue([for policy in values(var.policies) : policy.severity == null || contains(["CRITICAL", "ERROR", "WARNING"], coalesce(policy.severity, "none"))])
    error_message = "policies: severity must be CRITICAL, ERROR or WARNING."
  }

  validation {
    condition = alltrue([
      for policy in values(var.policies) : policy.duration == null || (
        can(regex("^[0-9]+s$", policy.duration)) && try(tonumber(trimsuffix(policy.duration, "s")) <= 82800, false)
      )
    ])
    error_message = "policies: duration must be whole seconds from \"0s\" to \"82800s\" (23 hours)."
  }

  validation {
    condition     = alltrue([for name, policy in var.policies : policy.duration == null || !can(local.log_conditions[name])])
    error_message = "policies: ${join(", ", [for name, policy in var.policies : name if policy.duration != null && can(local.log_conditions[name])])} alerts on single log entries and has no duration."
  }

  validation {
    condition     = alltrue([for name, policy in var.policies : policy.threshold == null || can(local.originals[name].userLabels.threshold)])
    error_message = "policies: ${join(", ", [for name, policy in var.policies : name if policy.threshold != null && !can(local.originals[name].userLabels.threshold)])} has no threshold. Policies with a threshold: ${join(", ", [for name, policy in local.originals : name if can(policy.userLabels.threshold)])}."
  }

  validation {
    condition     = alltrue([for policy in values(var.policies) : policy.threshold == null || try(policy.threshold >= 0 && floor(policy.threshold) == policy.threshold, false)])
    error_message = "policies: threshold must be a whole number, 0 or more."
  }

  validation {
    condition = alltrue(flatten([
      for name, policy in var.policies : [
        for channel in coalesce(policy.notification_channels, []) :
        !startswith(channel, "projects/") || startswith(channel, "projects/${local.metrics_project}/notificationChannels/")
      ]
    ]))
    error_message = "policies: they are in ${local.metrics_project}, and a channel works only in its own project. Use projects/${local.metrics_project}/notificationChannels/ID, or the channel's display name."
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
    error_message = "policy_directory has files with the same names as policies of this module: ${join(", ", setintersection(fileset(coalesce(var.policy_directory, "."), "*.yaml"), fileset(local.own_folder, "*.yaml")))}. Rename them. To turn off a policy of the module, set enabled = false in `policies`."
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
    error_message = "policy_directory: each file must be a policy in the form of those in alerting_policies/, with one condition: conditionPrometheusQueryLanguage or conditionMatchedLog. These are not: ${join(", ", [for file in fileset(coalesce(var.policy_directory, "."), "*.yaml") : file if !can(yamldecode(file("${var.policy_directory}/${file}")).conditions[0].conditionPrometheusQueryLanguage.query) && !can(yamldecode(file("${var.policy_directory}/${file}")).conditions[0].conditionMatchedLog.filter)])}."
  }
}

variable "project" {
  description = "Project that the job or worker pool runs in. By default, the metrics project in config.yaml."
  type        = string
  default     = null
}

variable "region" {
  description = "Region that the job or worker pool runs in, such as `\"europe-west1\"`. It can watch any location."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a Cloud Run region such as \"europe-west1\", not a zone (\"europe-west1-b\") and not \"global\"."
  }
}

variable "renotify_intervals" {
  description = "How often an open incident notifies again, by severity, such as `\"14400s\"`. By default, it notifies once."
  type = object({
    CRITICAL = optional(string)
    ERROR    = optional(string)
    WARNING  = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for interval in values(var.renotify_intervals) : interval == null || try(tonumber(trimsuffix(interval, "s")) >= 1800 && tonumber(trimsuffix(interval, "s")) <= 86400 && endswith(interval, "s"), false)])
    error_message = "renotify_intervals must be whole seconds from \"1800s\" (30 minutes) to \"86400s\" (24 hours)."
  }
}

variable "scheduler_region" {
  description = "Region of Cloud Scheduler, if it isn't available in `region`."
  type        = string
  default     = null
}

variable "slack_channel" {
  description = "Slack channel to create: `channel_name` with its #, and the `severities` that it receives. The bot's token is `slack_token`; to send a new token, change `token_version`. For an existing channel, use `notification_channels`."
  type = object({
    channel_name  = string
    display_name  = optional(string)
    severities    = optional(list(string), ["CRITICAL", "ERROR", "WARNING"])
    token_version = optional(string, "1")
  })
  default = null

  validation {
    condition     = var.slack_channel == null || startswith(try(var.slack_channel.channel_name, ""), "#")
    error_message = "slack_channel.channel_name must start with #, such as \"#data-alerts\"."
  }

  validation {
    condition     = var.slack_channel == null || length(setsubtract(try(var.slack_channel.severities, []), ["CRITICAL", "ERROR", "WARNING"])) == 0
    error_message = "slack_channel.severities must be CRITICAL, ERROR or WARNING."
  }

  validation {
    condition     = var.slack_channel == null || var.slack_token != null
    error_message = "slack_channel needs slack_token, a Slack bot's token (xoxb-…; a webhook URL doesn't work), at each plan, apply and destroy. The module in slack_token/ reads it from Secret Manager. You can also set TF_VAR_slack_token."
  }
}

variable "slack_token" {
  description = "Slack bot's token (`xoxb-…`) for `slack_channel`. It is stored in neither plan nor state, so each plan, apply and destroy needs it: from Secret Manager with the module in `slack_token/`, or as `TF_VAR_slack_token`."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "tasks" {
  description = "Number of tasks that share the locations. Increase it if one run can't read all locations in time."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.tasks >= 1 && var.tasks <= 100 && floor(var.tasks) == var.tasks
    error_message = "tasks must be a whole number from 1 to 100."
  }

  validation {
    condition     = var.tasks == 1 || var.mode == "scheduled"
    error_message = "tasks needs mode = \"scheduled\": the worker pool of mode = \"continuous\" has one instance."
  }
}
