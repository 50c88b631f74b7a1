# A function with a route, as Google's own provider applies it to a mock. It needs no cloud and no credentials, only
# the providers: terraform init && terraform test. tests/terraform has the other tests.

mock_provider "google" {}
mock_provider "time" {} # else an apply would wait for two minutes

variables {
  region      = "europe-west1"
  config_yaml = "{metrics: {project: orders-prod}, sources: [{project: orders-prod}, {project: billing-prod}]}"
  # Empty lists of ERROR and WARNING fail no check.
  notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1"], ERROR = [], WARNING = [] }
  slack_channel         = { channel_name = "#data-alerts", severities = ["WARNING"] }
  slack_token           = "xoxb-1"
  routes = {
    billing = {
      projects = ["billing-prod"]
      notification_channels = {
        CRITICAL = ["projects/orders-prod/notificationChannels/2"]
        ERROR    = ["projects/orders-prod/notificationChannels/3"]
        WARNING  = []
      }
    }
  }
}

run "function" {
  assert {
    condition = alltrue([
      for key, policy in google_monitoring_alert_policy.policy : policy.notification_channels == tolist(concat(
        startswith(key, "billing/") ? var.routes.billing.notification_channels[policy.severity] :
        var.notification_channels[policy.severity],
        !startswith(key, "billing/") && policy.severity == "WARNING" ? [output.created.slack_channel] : [],
      ))
    ])
    error_message = "A severity notifies its own channels, or its route's, and nobody else."
  }
}
