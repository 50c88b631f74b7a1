# A Slack channel that was created in the console. All severities go there.

variable "slack_channel" {
  description = "Full name of the notification channel; `gcloud beta monitoring channels list` prints it."
  type        = string
  default     = "projects/orders-prod/notificationChannels/1234567890123456789"
}

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  # How many policies each notifies is beside it.
  notification_channels = {
    CRITICAL = [var.slack_channel] # 7, such as stream-failed
    ERROR    = [var.slack_channel] # 10, such as stream-lagging
    WARNING  = [var.slack_channel] # 1, project-unwatched
  }
  # Mention the on-call group when it is urgent.
  slack_mentions = { CRITICAL = "<!subteam^S0123ABCDEF>" }
}
