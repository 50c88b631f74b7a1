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
  description = "Labels of everything that takes labels, such as `{ team = \"data\" }`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "manage_iam" {
  description = "Whether to create the custom roles and make the grants. If not, the output `iam_grants` lists them."
  type        = bool
  default     = true
  nullable    = false
}

variable "manage_metrics_scope" {
  description = "Whether to add the watched projects to the metrics project's metrics scope."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the function or job, and prefix of the service accounts and the custom role."
  type        = string
  default     = "datastream-exporter"
  nullable    = false
}

variable "project_id" {
  description = "Project that the exporter runs in. By default, the metrics project in config.yaml."
  type        = string
  default     = null
}

variable "region" {
  description = "Region that the exporter runs in, such as `\"europe-west1\"`. It can watch any location."
  type        = string
}
