# The cheapest and quickest set-up: one project, a Cloud Run function that Google builds, no image.

module "datastream_exporter" {
  source = "../.."

  mode        = "function"
  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  notification_channels = { for severity in ["CRITICAL", "ERROR", "WARNING"] : severity => ["Data platform on-call"] }
}
