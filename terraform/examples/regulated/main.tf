# A function in a perimeter of VPC Service Controls, with a key, a Shared VPC, Binary Authorization, and a private pool
# that builds it with packages from an own index.

# docs/regulated.md explains it.

module "datastream_exporter" {
  source = "../.."

  region      = "europe-west1"
  config_yaml = file("${path.module}/config.yaml")

  # An existing account, so that the index's owner can let it read before the first build.
  service_accounts            = { build = "exporter-build@orders-prod.iam.gserviceaccount.com" }
  build_environment_variables = { PIP_INDEX_URL = "https://europe-west1-python.pkg.dev/packages-prod/python/simple/" }
  build_worker_pool           = "projects/builds-prod/locations/europe-west1/workerPools/functions"

  binary_authorization = "default"
  encryption_key       = "projects/keys-prod/locations/europe-west1/keyRings/run/cryptoKeys/functions"
  vpc_access = {
    network    = "projects/network-prod/global/networks/shared"
    subnetwork = "projects/network-prod/regions/europe-west1/subnetworks/run"
    egress     = "ALL_TRAFFIC"
  }

  # How many policies each notifies is beside it; a severity notifies its own channels, and nobody else.
  notification_channels = {
    CRITICAL = ["projects/orders-prod/notificationChannels/1234567890123456789"] # 7, such as stream-failed
    ERROR    = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 10, such as stream-lagging
    WARNING  = ["projects/orders-prod/notificationChannels/2345678901234567890"] # 1, project-unwatched
  }
}

output "service_account_emails" {
  description = "Addresses for ingress and egress rules."
  value       = module.datastream_exporter.service_account_emails
}
