# A Slack channel created in the console, which can install Google's app in the workspace; Terraform
# can't. All severities go there.

variable "slack_channel" {
  description = "Full name of the notification channel; `gcloud beta monitoring channels list` prints it."
  type        = string
  default     = "projects/orders-prod/notificationChannels/1234567890123456789"
}

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  notification_channels = { CRITICAL = [var.slack_channel] }
  # Mention the on-call group when it is urgent.
  slack_mentions = { CRITICAL = "<!subteam^S0123ABCDEF>" }
}
