# A worker pool that runs every ten seconds: alerts come about a minute sooner than with a job.

variable "image" {
  description = "The exporter's image, by digest."
  type        = string
}

module "datastream_exporter" {
  source = "../.."

  mode           = "worker_pool"
  watch_interval = "10s"
  region         = "us-central1"
  image          = var.image
  config_yaml    = file("${path.module}/config.yaml")

  notification_channels = { CRITICAL = ["projects/payments-prod/notificationChannels/1234567890123456789"] }
}
