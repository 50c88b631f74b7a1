# One project for streams, metrics, job and policies. It notifies existing channels by the names that
# the console shows.

variable "image" {
  description = "The exporter's image, by digest."
  type        = string
}

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  image       = var.image
  config_yaml = file("${path.module}/config.yaml")

  notification_channels = {
    CRITICAL = ["Data platform on-call"]
    ERROR    = ["Data platform on-call"]
    WARNING  = ["Data platform mailbox"]
  }
}

output "dashboard_url" {
  description = "Link to the dashboard."
  value       = module.datastream_exporter.dashboard_url
}

output "run_now_command" {
  description = "Command that runs the job now."
  value       = module.datastream_exporter.run_now_command
}
