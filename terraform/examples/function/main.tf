# The cheapest and quickest set-up: one project, a Cloud Run function that Google builds, no image. It
# notifies an existing channel, by the name that the console shows.

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  notification_channels = { CRITICAL = ["projects/orders-prod/notificationChannels/1234567890123456789"] }
}

output "dashboard_url" {
  description = "Link to the dashboard."
  value       = module.datastream_exporter.dashboard_url
}

output "run_now_command" {
  description = "Command that starts a run now."
  value       = module.datastream_exporter.run_now_command
}
