locals {
  severities = ["CRITICAL", "ERROR", "WARNING"]

  channel_form = "^projects/${local.metrics_project}/notificationChannels/[0-9]+$"
  channel_rule = join(" ", [
    "a channel must have its full name, projects/${local.metrics_project}/notificationChannels/ID: the policies are in",
    "${local.metrics_project}, and a channel works only in its own project.",
  ])
  mention      = "<(!subteam\\^[A-Z0-9]+|@[A-Z0-9]+|!channel|!here)>"
  mention_form = "^${local.mention}( ${local.mention})*$"
  mention_rule = join(" ", [
    "A mention must have the form that Slack apps use: \"<!subteam^S0123ABCD>\" for a group, \"<@U0123ABCD>\" for a",
    "person, \"<!channel>\" or \"<!here>\", separated by spaces. \"@name\" notifies nobody.",
  ])
}

resource "google_monitoring_notification_channel" "slack" {
  count = var.slack_channel == null ? 0 : 1

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
