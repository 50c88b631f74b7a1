locals {
  severities = ["CRITICAL", "ERROR", "WARNING"]

  # Every channel that is named, with the project that it serves: by its full name, or by its display
  # name, which is looked up there.
  named_channels = merge(
    {
      for channel in distinct(flatten([
        values(var.notification_channels),
        [for policy in values(var.policies) : coalesce(policy.notification_channels, [])],
      ])) : "${local.metrics_project}/${channel}" => { project = local.metrics_project, channel = channel }
    },
    merge([
      for project, channels in var.log_notification_channels : {
        for channel in distinct(channels) : "${project}/${channel}" => { project = project, channel = channel }
      }
    ]...),
  )

  channel_names = {
    for key, named in local.named_channels : key => (
      startswith(named.channel, "projects/") ? named.channel : data.google_monitoring_notification_channel.named[key].name
    )
  }

  # Whether anybody is notified of a severity is known at plan, unlike the channels themselves.
  notified = {
    for severity in local.severities : severity =>
    length(var.notification_channels[severity]) > 0 || contains(try(var.slack_channel.severities, []), severity)
  }

  slack_channels = google_monitoring_notification_channel.slack[*].name

  # By severity, the names of its channels: those given, and the Slack channel that is made here.
  channels = {
    for severity in local.severities : severity => concat(
      [for channel in var.notification_channels[severity] : local.channel_names["${local.metrics_project}/${channel}"]],
      contains(try(var.slack_channel.severities, []), severity) ? local.slack_channels : [],
    )
  }
}

# Not exactly one match is an error. It is read at plan, as a channel that exists has its API on; with
# a depends_on, each new project would show every policy as changed.
data "google_monitoring_notification_channel" "named" {
  for_each = { for key, named in local.named_channels : key => named if !startswith(named.channel, "projects/") }

  project      = each.value.project
  display_name = each.value.channel
}

resource "google_monitoring_notification_channel" "slack" {
  count = var.slack_channel == null ? 0 : 1

  project      = local.metrics_project
  display_name = coalesce(var.slack_channel.display_name, "Slack ${var.slack_channel.channel_name}")
  type         = "slack"
  labels       = { channel_name = var.slack_channel.channel_name }

  sensitive_labels {
    # Write-only: the token reaches neither plan nor state. It is sent when its version changes.
    auth_token_wo         = var.slack_token
    auth_token_wo_version = var.slack_channel.token_version
  }

  depends_on = [google_project_service.enabled]
}
