variable "config_yaml" {
  description = "Text of config.yaml: `file(\"config.yaml\")`. By default, the config.yaml at the root of the repository, for applying a clone of it."
  type        = string
  default     = null

  validation {
    condition     = var.config_yaml == null || can(yamldecode(var.config_yaml).metrics.project)
    error_message = "config_yaml must be the text of a config.yaml with metrics.project. Pass file(\"config.yaml\"), not the file's name. `datastream-exporter check` lists mistakes in the file with their lines."
  }

  validation {
    condition     = var.config_yaml == null || can([for source in yamldecode(var.config_yaml).sources : source.project])
    error_message = "config_yaml must be the text of a config.yaml with `sources`, each with a `project`. `datastream-exporter check` lists mistakes in the file with their lines."
  }

  validation {
    condition     = length(coalesce(var.config_yaml, file("${path.module}/../config.yaml"))) <= 32768
    error_message = "config_yaml is longer than 32 KiB, the limit of an environment variable on Cloud Run. Shorten it with globs in `match`, `include` and `exclude`."
  }

  validation {
    condition     = try(yamldecode(coalesce(var.config_yaml, file("${path.module}/../config.yaml"))).metrics.project, "") != "my-project"
    error_message = "config.yaml still has the placeholder project \"my-project\". Replace it with your own, or pass config_yaml = file(\"config.yaml\")."
  }
}

variable "enable_apis" {
  description = "Whether to enable the required APIs. Set it to false if they are managed elsewhere."
  type        = bool
  default     = true
  nullable    = false
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

variable "manage_metrics_scope" {
  description = "Whether to add the watched projects to the metrics project's metrics scope. The policies on Datastream's own metrics need this. Set it to false if the scope is managed elsewhere."
  type        = bool
  default     = true
  nullable    = false
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

variable "project_id" {
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
