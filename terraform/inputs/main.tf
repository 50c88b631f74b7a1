# Types. Terraform drops the keys that a type doesn't have, so the module takes anything, and ../rules.tf compares.

variable "policy_overrides" {
  type = map(object({
    duration              = optional(string)
    enabled               = optional(bool)
    notification_channels = optional(list(string))
    runbook_url           = optional(string)
    severity              = optional(string)
    threshold             = optional(number)
  }))
}

variable "routes" {
  type = map(object({
    log_notification_channels = optional(map(list(string)), {})
    notification_channels     = optional(map(list(string)))
    projects                  = optional(list(string), [])
    runbook_url               = optional(string)
    slack_mentions            = optional(map(string), {})
  }))
}

variable "slack_channel" {
  type = object({
    channel_name  = optional(string, "")
    display_name  = optional(string)
    severities    = optional(set(string), ["CRITICAL", "ERROR", "WARNING"])
    token_version = optional(string, "1")
  })
}

variable "vpc_access" {
  type = object({
    egress     = optional(string, "ALL_TRAFFIC")
    network    = optional(string)
    subnetwork = optional(string)
    tags       = optional(list(string))
  })
}

output "policy_overrides" { value = { for name, change in var.policy_overrides : name => change if change != null } }
output "routes" { value = { for name, route in var.routes : name => route if route != null } }
output "slack_channel" { value = var.slack_channel }
output "vpc_access" { value = var.vpc_access }
