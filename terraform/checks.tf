# Warnings of a plan: what is no mistake, and yet may not be what was meant.

locals {
  unheard = [for severity in ["CRITICAL", "ERROR"] : severity if !local.notified[severity]]
}

check "somebody_is_notified" {
  assert {
    condition     = length(local.unheard) == 0
    error_message = "No notification channel for ${join(" and ", local.unheard)}: incidents of these policies are opened, and nobody is told. Name one in notification_channels, or make one with slack_channel."
  }
}
