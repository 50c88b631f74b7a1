locals {
  severities = ["CRITICAL", "ERROR", "WARNING"]

  # What policies of a severity, and single policies, name: a channel's full name, or its display
  # name, which is looked up in the project that the policy lives in.
  named_channels = distinct(concat(
    flatten([for severity in local.severities : var.notification_channels[severity]]),
    flatten([for policy in values(var.policies) : coalesce(policy.notification_channels, [])]),
  ))

  looked_up_channels = merge(
    {
      for channel in local.named_channels : "${local.metrics_project}/${channel}" => {
        project = local.metrics_project, display_name = channel
      } if !startswith(channel, "projects/")
    },
    merge([
      for project, channels in var.log_notification_channels : {
        for channel in channels : "${project}/${channel}" => {
          project = project, display_name = channel
        } if !startswith(channel, "projects/")
      }
    ]...),
  )

  slack_channels = google_monitoring_notification_channel.slack[*].name

  # By severity, the names of its channels: those given, and the Slack channel that is made here.
  channels = {
    for severity in local.severities : severity => concat(
      [for channel in var.notification_channels[severity] : local.channel_names["${local.metrics_project}/${channel}"]],
      contains(try(var.slack_channel.severities, []), severity) ? local.slack_channels : [],
    )
  }

  channel_names = merge(
    {
      for channel in concat(local.named_channels, flatten(values(var.log_notification_channels))) :
      "${local.metrics_project}/${channel}" => channel if startswith(channel, "projects/")
    },
    { for key, found in data.google_monitoring_notification_channel.named : key => found.name },
  )
}

# Not exactly one match is an error. It is read at plan, as a channel that exists has its API on; with
# a depends_on, each new project would show every policy as changed.
data "google_monitoring_notification_channel" "named" {
  for_each = local.looked_up_channels

  project      = each.value.project
  display_name = each.value.display_name
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
