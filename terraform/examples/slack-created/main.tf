# A Slack channel that Terraform creates with your own Slack bot's token.

# The bot needs the scope chat:write and must be in the channel. The token (xoxb-…) is in Secret Manager and is read
# at each plan and apply; it is stored in neither plan nor state.
ephemeral "google_secret_manager_secret_version" "slack" {
  project = "orders-prod"
  secret  = "slack-bot-token"
}

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  # It gets all severities: 7 CRITICAL policies, 10 ERROR, 1 WARNING. `severities` takes fewer, and
  # notification_channels adds other channels.
  slack_channel = {
    channel_name = "#data-alerts"
    # Increase it when the secret has a new version, to send the new token.
    token_version = "1"
  }
  slack_token = ephemeral.google_secret_manager_secret_version.slack.secret_data
}
