variable "config_yaml" {
  description = "Text of config.yaml: `file(\"config.yaml\")`."
  type        = string
  nullable    = false
}

variable "enable_apis" {
  description = "Whether to enable the required APIs. Set it to false if they are managed elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "labels" {
  description = "Labels of everything that takes labels: job, worker pool, function, policies, dashboard, Slack channel. Such as `{ team = \"data\" }`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels: keys and values may have up to 63 lower-case letters, digits, - and _. A key must start with a letter."
  }
}

variable "manage_iam" {
  description = "Whether to create the custom roles and make the grants. With false, applying needs no right to grant: the output `iam_grants` lists what somebody else must grant, `iam_grant_commands` has the commands."
  type        = bool
  default     = true
  nullable    = false
}

variable "manage_metrics_scope" {
  description = "Whether to add the watched projects to the metrics project's metrics scope. The policies on Datastream's own metrics need this. Set it to false if the scope is managed elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the function, job or worker pool, and prefix of the service accounts and the custom role."
  type        = string
  default     = "datastream-exporter"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,22}[a-z0-9]$", var.name))
    error_message = "name must have 6 to 24 lower-case letters, digits and -, must start with a letter and must not end with -. The service accounts add a suffix and may have 30 characters."
  }
}

variable "project_id" {
  description = "Project that the exporter runs in. By default, the metrics project in config.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.project_id == null || can(regex(module.config.project_form, var.project_id))
    error_message = "project_id must be a project's id, such as \"orders-prod\", not its number or its display name."
  }
}

variable "region" {
  description = "Region that the exporter runs in, such as `\"europe-west1\"`. It can watch any location. In the modes `function` and `job`, Cloud Scheduler must be there too: `gcloud scheduler locations list`."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-(north|east|south|west|central){1,2}[0-9]+$", var.region))
    error_message = "region must be a Cloud Run region such as \"europe-west1\", no zone, not \"global\". Now ${var.region}."
  }

  # Not a rule of build_worker_pool itself: a mistake in region would hide the rules of mode and image.
  validation {
    condition = var.build_worker_pool == null || can(regex(
    "^projects/[^/]+/locations/${var.region}/workerPools/[^/]+$", var.build_worker_pool))
    error_message = "build_worker_pool must be projects/PROJECT/locations/${var.region}/workerPools/POOL."
  }
}
