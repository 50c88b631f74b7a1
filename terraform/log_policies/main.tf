# Policies on a project's own log: somebody changes a stream, and Datastream logs an error. Such a policy sees only the
# log of its own project, and notifies only channels of its own project: call this module once for each project.

terraform {
  required_version = ">= 1.11"
  required_providers { google = { source = "hashicorp/google", version = ">= 7.33, < 9.0" } }
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
