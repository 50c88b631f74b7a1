# Warnings of a plan: what is no mistake, and yet may not be what was meant.

check "somebody_is_notified" {
  assert {
    condition = alltrue([
      for severity in ["CRITICAL", "ERROR"] :
      length(var.notification_channels[severity]) > 0 || contains(try(var.slack_channel.severities, []), severity)
    ])
    error_message = "No notification channel for ${join(" and ", [
      for severity in ["CRITICAL", "ERROR"] : severity
      if length(var.notification_channels[severity]) == 0 && !contains(try(var.slack_channel.severities, []), severity)
    ])}: incidents of these policies are opened, and nobody is told. Name one in notification_channels, or make one with slack_channel."
  }
}
