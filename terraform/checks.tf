# Warnings at plan: valid settings that are probably not intended.

locals {
  silent_policies = { for key, policy in local.placed : key => policy.severity if policy.enabled && length(policy.channels) == 0 }

  # `datastream-exporter init` writes the same words into main.tf.
  channel_advice = join(" ", [
    "To add a channel, open https://console.cloud.google.com/monitoring/alerting/notifications?project=${local.metrics_project} (for Slack, it installs Google's app in your workspace),",
    "and write the channel's name into notification_channels. Or let this module create a Slack channel, with slack_channel.",
  ])
}

check "somebody_is_notified" {
  assert {
    condition     = length(local.silent_policies) == 0 || !var.create_policies
    error_message = "No notification channel for ${join(" and ", [for severity in local.severities : severity if contains(values(local.silent_policies), severity)])}: these alerts open incidents but notify nobody: ${join(", ", keys(local.silent_policies))}. ${local.channel_advice}"
  }
}

check "groups_alert" {
  assert {
    condition     = !var.create_policies || alltrue([for name, enabled in local.enabled : enabled if startswith(name, "streams-")])
    error_message = "policy_overrides disables ${join(" and ", [for name, enabled in local.enabled : name if startswith(name, "streams-") && !enabled])}: no other policy alerts for streams that fail or are paused together. For one page per stream, raise streams of grouping in config.yaml instead."
  }
}

check "not_paused" {
  assert {
    condition     = !var.paused
    error_message = "The exporter is paused: nobody watches the streams, and exporter-silent is disabled. Set paused = false to resume."
  }
}

check "exporter_log_policies_have_channels" {
  assert {
    condition     = !var.create_policies || local.job_project == local.metrics_project || length(local.exporter_log_policies) == 0 || can(local.log_channels[local.job_project])
    error_message = "The exporter runs in ${local.job_project}, and policies on its log must be there: ${join(", ", local.exporter_log_policies)}. They need channels in that project, which no route has: they aren't created. Leave project_id out, or watch ${local.job_project} and give it log_notification_channels in a route."
  }
}

check "no_webhook_by_display_name" {
  assert {
    condition     = !contains(values(data.google_monitoring_notification_channel.named)[*].type, "webhook_tokenauth")
    error_message = "notification_channel_display_names has a webhook. Its address, with the token, is in the state now. Use its full name in notification_channels instead."
  }
}

check "calls_are_within_the_quota" {
  assert {
    condition     = local.calls_per_minute <= 1200
    error_message = "Runs may call Datastream's API ${local.calls_per_minute} times a minute, plus the locations with streams in each run; its quota is 1,200 for each caller. List the locations that have streams in config.yaml, or run less often."
  }
}
