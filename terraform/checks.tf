# Warnings at plan: valid settings that are probably not intended.

locals {
  not_notified = [for severity in ["CRITICAL", "ERROR"] : severity if !local.notified[severity]]
}

check "somebody_is_notified" {
  assert {
    condition     = length(local.not_notified) == 0 || !var.create_policies
    error_message = "No notification channel for ${join(" and ", local.not_notified)}: these alerts open incidents but notify nobody. Set notification_channels, or create a Slack channel with slack_channel."
  }
}

check "not_paused" {
  assert {
    condition     = !var.paused
    error_message = "The exporter is paused: nobody watches the streams, and exporter-silent and exporter-executions-failing are disabled. Set paused = false to resume."
  }
}
