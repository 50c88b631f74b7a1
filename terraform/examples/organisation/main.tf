# Several projects with streams, and one that watches them and has everything else.

variable "image" {
  description = "The exporter's image, by digest."
  type        = string
}

# Channels by name, in the project that has them.
data "google_monitoring_notification_channel" "named" {
  for_each = {
    "Data platform on-call" = "data-platform-prod"
    "Data platform Slack"   = "data-platform-prod"
    "Payments on-call"      = "data-platform-prod"
    "Orders team"           = "orders-prod"
  }

  project      = each.value
  display_name = each.key
}

locals {
  channels = { for name, channel in data.google_monitoring_notification_channel.named : name => [channel.name] }
}

module "datastream_exporter" {
  source = "../.."

  mode        = "job"
  region      = "europe-west4"
  image       = var.image
  config_yaml = file("${path.module}/config.yaml")
  labels      = { team = "data-platform" }

  # How many policies each notifies is beside it, objects and the policy of policies/ included.
  notification_channels = {
    CRITICAL = concat(local.channels["Data platform on-call"], local.channels["Data platform Slack"]) # 8
    ERROR    = local.channels["Data platform Slack"]                                                  # 9
    WARNING  = local.channels["Data platform Slack"]                                                  # 5
  }
  slack_mentions     = { CRITICAL = "<!channel>" }
  renotify_intervals = { CRITICAL = "14400s" }

  routes = {
    # The payments team gets the alerts of its own streams. Everything else, projects added later included,
    # goes to notification_channels.
    payments = {
      projects = ["billing-prod"]
      notification_channels = {
        CRITICAL = local.channels["Payments on-call"]
        ERROR    = local.channels["Data platform Slack"]
        WARNING  = local.channels["Data platform Slack"]
      }
      slack_mentions = { CRITICAL = "<!subteam^S0123ABCDEF>" }
    }
  }

  policy_overrides = {
    # A lag of up to half an hour is fine.
    stream-lagging = { threshold = 1800 }
    # A location that answers slowly must not wake anybody.
    location-unreadable = { severity = "WARNING", duration = "1800s" }
  }
  policy_directory = "${path.module}/policies"
}

# In orders-prod, each change by hand is a message, whatever the stream's state is then. A policy on a project's log is
# in that project, and notifies channels of it.
module "orders_log" {
  source = "../../log_policies"

  project_id            = "orders-prod"
  policies              = ["stream-changed"]
  notification_channels = local.channels["Orders team"]
}
