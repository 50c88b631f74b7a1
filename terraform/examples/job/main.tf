# One project with a Cloud Run job, and with channels that the same configuration creates.

variable "image" {
  description = "The exporter's image, by digest."
  type        = string
}

resource "google_monitoring_notification_channel" "mail" {
  for_each = { on-call = "on-call@example.com", team = "data-platform@example.com" }

  project      = "orders-prod"
  display_name = "Data platform: ${each.key}"
  type         = "email"
  labels       = { email_address = each.value }
}

module "datastream_exporter" {
  source = "../.."

  mode        = "job"
  region      = "europe-west1"
  image       = var.image
  config_yaml = file("${path.module}/config.yaml")

  # How many policies each notifies is beside it; a severity notifies its own channels, and nobody else.
  notification_channels = {
    CRITICAL = [google_monitoring_notification_channel.mail["on-call"].name] # 7, such as stream-failed
    ERROR    = [google_monitoring_notification_channel.mail["team"].name]    # 10, such as stream-lagging
    WARNING  = [google_monitoring_notification_channel.mail["team"].name]    # 1, project-unwatched
  }
}
