# The cheapest and quickest set-up: one project, a Cloud Run function that Google builds, no image.

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  # How many policies each notifies is beside it; a severity notifies its own channels, and nobody else.
  notification_channels = {
    CRITICAL = ["projects/orders-prod/notificationChannels/1234567890123456789"] # 7, such as stream-failed
    ERROR    = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 10, such as stream-lagging
    WARNING  = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 1, project-unwatched
  }
}

output "dashboard_url" {
  description = "Link to the dashboard."
  value       = module.datastream_exporter.dashboard_url
}

output "run_now_command" {
  description = "Command that starts a run now."
  value       = module.datastream_exporter.run_now_command
}
