variable "additional_regions" {
  description = "Regions that Google opened after this version of the module, which otherwise rejects a `region` it doesn't know."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "config_yaml" {
  description = "Text of config.yaml: `file(\"config.yaml\")`. By default, the config.yaml at the root of the repository, for applying a clone of it."
  type        = string
  default     = null

  validation {
    condition     = templatefile("${path.module}/mistakes.tftpl", { name = "config.yaml", rules = local.config_rules, value = try(yamldecode(coalesce(var.config_yaml, one([for name in var.config_yaml == null ? ["config.yaml"] : [] : file("${path.module}/../${name}")]))), "text that isn't YAML") }) == ""
    error_message = "${templatefile("${path.module}/mistakes.tftpl", { name = "config.yaml", rules = local.config_rules, value = try(yamldecode(coalesce(var.config_yaml, one([for name in var.config_yaml == null ? ["config.yaml"] : [] : file("${path.module}/../${name}")]))), "text that isn't YAML") })}\nconfig_yaml takes the file's text, file(\"config.yaml\"). `datastream-exporter check` finds more mistakes, with their lines."
  }

  validation {
    condition     = length(regexall("(?m)(^|[\\s{,])(${join("|", local.config_booleans)}):\\s+(?i:y|yes|n|no|on|off)\\s*([,}#]|$)", coalesce(var.config_yaml, one([for name in var.config_yaml == null ? ["config.yaml"] : [] : file("${path.module}/../${name}")])))) == 0
    error_message = "config.yaml: ${join(", ", local.config_booleans)} must be true or false. The exporter reads yes, no, on and off as text."
  }

  validation {
    condition     = length(coalesce(var.config_yaml, one([for name in var.config_yaml == null ? ["config.yaml"] : [] : file("${path.module}/../${name}")]))) <= 32768
    error_message = "config_yaml is longer than 32 KiB, the limit of an environment variable on Cloud Run. Shorten it with globs in `match`, `include` and `exclude`."
  }

  validation {
    condition     = try(yamldecode(coalesce(var.config_yaml, one([for name in var.config_yaml == null ? ["config.yaml"] : [] : file("${path.module}/../${name}")]))).metrics.project, "") != "my-project"
    error_message = "config.yaml still has the placeholder project \"my-project\". Replace it with your own, or pass config_yaml = file(\"config.yaml\")."
  }
}

variable "create_metric_descriptors" {
  description = "Whether to manage the metric descriptors. Set it to false if they are managed elsewhere: the module then neither changes nor deletes them."
  type        = bool
  default     = true
  nullable    = false
}

variable "delete_metric_data_on_destroy" {
  description = "Whether destroy deletes the metric descriptors, and with them everything that was measured. By default it leaves them, those that existed before the module included. Apply a change of this before you destroy."
  type        = bool
  default     = false
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

  validation {
    condition     = length(setintersection(keys(var.labels), local.policy_label_keys)) == 0
    error_message = "labels: the policies' own files use ${join(", ", setintersection(keys(var.labels), local.policy_label_keys))}. Choose other keys."
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
  description = "Name of the job, worker pool or function, and prefix of the service accounts and the custom role."
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
}

variable "region" {
  description = "Region that the exporter runs in, such as `\"europe-west1\"`. It can watch any location."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a Cloud Run region such as \"europe-west1\", not a zone (\"europe-west1-b\") and not \"global\"."
  }

  validation {
    condition     = !can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region)) || contains(concat(local.regions, var.additional_regions), var.region)
    error_message = "region: this version knows no region \"${var.region}\". It knows ${join(", ", local.regions)}. If Google opened it since, add it to additional_regions."
  }
}
