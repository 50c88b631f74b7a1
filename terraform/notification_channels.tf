locals {
  severities = ["CRITICAL", "ERROR", "WARNING"]

  severity_channels = {
    for severity in local.severities : severity => try([for channel in var.notification_channels[severity] : channel], [])
  }

  # Every channel in the inputs with its project. A full name is used as it is; a display name is
  # looked up in the project.
  named_channels = merge(
    {
      for channel in distinct(flatten([
        values(local.severity_channels),
        [for change in values(local.changes) : coalesce(change.notification_channels, [])],
        [for route in values(local.own_routes) : [for channels in values(route.notification_channels) : coalesce(channels, [])]],
      ])) : "${local.metrics_project}/${channel}" => { project = local.metrics_project, channel = channel }
    },
    merge([
      for project, channels in local.log_channels : {
        for channel in distinct(channels) : "${project}/${channel}" => { project = project, channel = channel }
      }
    ]...),
  )

  channel_names = {
    for key, named in local.named_channels : key => (
      startswith(named.channel, "projects/") ? named.channel : data.google_monitoring_notification_channel.named[key].name
    )
  }

  # Whether a severity notifies anybody: known at plan, unlike the channels' names.
  notified = {
    for severity in local.severities : severity =>
    length(local.severity_channels[severity]) > 0 || contains(try(local.slack_channel.severities, []), severity)
  }

  slack_channels = google_monitoring_notification_channel.slack[*].name

  # Channel names by severity: the given channels, and the Slack channel created here.
  channels = {
    for severity in local.severities : severity => concat(
      [for channel in local.severity_channels[severity] : local.channel_names["${local.metrics_project}/${channel}"]],
      contains(try(local.slack_channel.severities, []), severity) ? local.slack_channels : [],
    )
  }
}

# No match, or more than one, is an error, in which Terraform shows the line below. There is no depends_on:
# the API of an existing channel is enabled already, and every new project would show all policies as changed.
data "google_monitoring_notification_channel" "named" { # To see the names: gcloud beta monitoring channels list --project PROJECT --format 'table(displayName,name)'
  for_each = { for key, named in local.named_channels : key => named if !startswith(named.channel, "projects/") }

  project      = each.value.project
  display_name = each.value.channel
}

resource "google_monitoring_notification_channel" "slack" {
  count = var.slack_channel == null ? 0 : 1

  project      = local.metrics_project
  display_name = coalesce(local.slack_channel.display_name, "Slack ${local.slack_channel.channel_name}")
  type         = "slack"
  labels       = { channel_name = local.slack_channel.channel_name }
  user_labels  = var.labels

  sensitive_labels {
    # Write-only: stored in neither plan nor state. It is sent again when its version changes.
    auth_token_wo         = var.slack_token
    auth_token_wo_version = tostring(local.slack_channel.token_version)
  }

  depends_on = [google_monitoring_custom_service.deployment]
}
