locals {
  severities = ["CRITICAL", "ERROR", "WARNING"]
}

resource "google_monitoring_notification_channel" "slack" {
  count = local.slack_channel == null ? 0 : 1

  project      = local.metrics_project
  display_name = coalesce(local.slack_channel.display_name, "Slack ${local.slack_channel.channel_name}")
  type         = "slack"
  labels       = { channel_name = local.slack_channel.channel_name }
  user_labels  = var.labels

  # When it is removed, Terraform deletes it before it updates the policies, which still name it.
  force_delete = true

  sensitive_labels {
    # Write-only: stored in neither plan nor state. It is sent again when its version changes.
    auth_token_wo         = trimspace(var.slack_token) # a line break would make it invalid
    auth_token_wo_version = local.slack_channel.token_version
  }

  lifecycle {
    precondition {
      condition     = startswith(coalesce(var.slack_token, "none"), "xoxb-")
      error_message = local.sentences.errors.slack_token
    }
  }

  depends_on = [google_monitoring_custom_service.deployment]
}
