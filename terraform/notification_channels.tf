locals {
  severities = ["CRITICAL", "ERROR", "WARNING"]

  # By severity, for all alerts that no route has
  channels = {
    for severity, names in var.notification_channels : severity => concat(
      names, contains(flatten(var.slack_channel[*].severities), severity) ?
      google_monitoring_notification_channel.slack[*].name : [],
    )
  }

  channel_form   = "^projects/${local.metrics_project}/notificationChannels/[0-9]+$"
  channel_advice = "Each must be projects/${local.metrics_project}/notificationChannels/ and the channel's number."
  url_form       = "^https?://[^ ]+$"
  url_advice     = "runbook_url must be a whole address: https://…"
  mention_form   = "^(<(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>( |$))+$"
  mention_advice = "Slack takes <!subteam^ID>, <@USER>, <!channel> or <!here>, of CRITICAL, ERROR or WARNING."
}

resource "google_monitoring_notification_channel" "slack" {
  count        = var.slack_channel == null ? 0 : 1
  project      = local.metrics_project
  display_name = coalesce(var.slack_channel.display_name, "Slack ${var.slack_channel.channel_name}")
  type         = "slack"
  labels       = { channel_name = var.slack_channel.channel_name }
  user_labels  = var.labels

  # When it is removed, Terraform deletes it before it updates the policies, which still name it.
  force_delete = true

  sensitive_labels {
    # Write-only: stored in neither plan nor state. It is sent again when its version changes.
    auth_token_wo         = trimspace(var.slack_token) # a line break would make it invalid
    auth_token_wo_version = var.slack_channel.token_version
  }

  depends_on = [google_monitoring_custom_service.deployment]
}
