# A Slack channel that Terraform makes, with the token of a Slack bot of your own (xoxb-…; it needs
# the scope chat:write and has to be in the channel). The token lies in Secret Manager and is read at
# each plan and apply; it reaches neither the plan nor the state.

variable "image" {
  description = "The exporter's image, by digest."
  type        = string
}

module "slack_token" {
  source = "../../slack_token"

  secret = "projects/orders-prod/secrets/slack-bot-token"
}

module "datastream_exporter" {
  source = "../.."

  region = "europe-west1"
  image  = var.image
  config = file("${path.module}/config.yaml")

  slack_channel = {
    channel_name = "#data-alerts"
    severities   = ["CRITICAL", "ERROR"]
    # Count up when the secret has a new version: it is sent then, and only then.
    token_version = "1"
  }
  slack_token           = module.slack_token.token
  notification_channels = { WARNING = ["Data platform mailbox"] }
}
