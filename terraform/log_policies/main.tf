# Policies on a project's own log: somebody changes a stream, and Datastream logs an error. Such a policy sees only the
# log of its own project, and notifies only channels of its own project: call this module once for each project.

terraform {
  required_version = ">= 1.11"
  required_providers { google = { source = "hashicorp/google", version = ">= 7.33, < 9.0" } }
}

variable "labels" {
  description = "Labels of the policies, such as `{ team = \"data\" }`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "notification_channels" {
  description = "Whom to notify: full names of channels in the project, `projects/PROJECT/notificationChannels/ID`."
  type        = list(string)
  nullable    = false

  validation {
    condition = alltrue([
      for name in var.notification_channels : startswith(name, "projects/${var.project_id}/notificationChannels/")
    ])
    error_message = "Each channel must be projects/${var.project_id}/notificationChannels/NUMBER."
  }
}

variable "policies" {
  description = "Which policies: `stream-changed`, `stream-activity-errors`, or both."
  type        = set(string)
  default     = ["stream-activity-errors", "stream-changed"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.policies, ["stream-activity-errors", "stream-changed"])) == 0
    error_message = "Each policy must be stream-activity-errors or stream-changed."
  }
}

variable "project_id" {
  description = "Id of the project whose log the policies watch: that of the streams."
  type        = string
}

locals {
  # In a clone and in a release's archive
  folders = [for above in ["../..", ".."] : "${path.module}/${above}/alerting_policies"]
  folder  = one([for folder in local.folders : folder if fileexists("${folder}/stream-changed.yaml")])
}

resource "google_monitoring_alert_policy" "policy" {
  for_each              = { for name in var.policies : name => yamldecode(file("${local.folder}/${name}.yaml")) }
  project               = var.project_id
  display_name          = each.value.displayName
  severity              = each.value.severity
  combiner              = each.value.combiner
  user_labels           = merge(var.labels, each.value.userLabels)
  notification_channels = var.notification_channels

  conditions {
    display_name = one(each.value.conditions).displayName
    condition_matched_log {
      filter           = one(each.value.conditions).conditionMatchedLog.filter
      label_extractors = one(each.value.conditions).conditionMatchedLog.labelExtractors
    }
  }

  documentation {
    mime_type = each.value.documentation.mimeType
    subject   = each.value.documentation.subject
    content   = trimspace(each.value.documentation.content)
    dynamic "links" {
      for_each = each.value.documentation.links
      content {
        display_name = links.value.displayName
        url          = links.value.url
      }
    }
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
    notification_rate_limit { period = each.value.alertStrategy.notificationRateLimit.period }
  }
}
