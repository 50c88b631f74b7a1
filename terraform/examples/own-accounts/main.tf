# Existing service accounts, no grants by Terraform, traffic through a VPC, your own encryption key. The output lists
# the grants that somebody must make.

variable "image" {
  description = "The exporter's image, by digest."
  type        = string
}

module "datastream_exporter" {
  source = "../.."

  mode        = "job"
  region      = "europe-west1"
  image       = var.image
  config_yaml = file("${path.module}/config.yaml")
  labels      = { team = "data-platform" }

  manage_iam = false
  service_accounts = {
    exporter = "exporter@identities-prod.iam.gserviceaccount.com"
    # Cloud Scheduler takes only an account of its own project.
    scheduler = "exporter-cron@orders-prod.iam.gserviceaccount.com"
  }

  encryption_key = "projects/keys-prod/locations/europe-west1/keyRings/run/cryptoKeys/jobs"
  vpc_access     = { network = "shared", subnetwork = "run-europe-west1", egress = "ALL_TRAFFIC" }

  # How many policies each notifies is beside it; a severity notifies its own channels, and nobody else.
  notification_channels = {
    CRITICAL = ["projects/orders-prod/notificationChannels/1234567890123456789"] # 7, such as stream-failed
    ERROR    = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 10, such as stream-lagging
    WARNING  = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 1, project-unwatched
  }
}

output "iam_grants" {
  description = "What somebody who may grant has to grant, beside the key: docs/regulated.md has that."
  value       = module.datastream_exporter.iam_grants
}
